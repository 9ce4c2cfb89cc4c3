// Calls of the kernel that fail: the other side of tests/tools/fault_shim.cc (the file's layout is
// there). A `site` is a function together with who calls it; `letFail` makes one of its calls fail.
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { findShim } from "./shims.mjs";

const ruleBytes = 256;
const siteBytes = 128;
const sitesMax = 8000;
const fired = 2;

export const shim = findShim("fault");

const errno = {
  ...{ EPERM: 1, ENOENT: 2, EINTR: 4, EIO: 5, EAGAIN: 11, ENOMEM: 12, EACCES: 13, EBUSY: 16 },
  ...{ EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOSPC: 28, EPIPE: 32, ENOSYS: 38, EPROTO: 71 },
  ...{ EADDRINUSE: 98, EADDRNOTAVAIL: 99, ECONNABORTED: 103, ECONNRESET: 104, ENOBUFS: 105 },
  ...{ ENOTCONN: 107, ETIMEDOUT: 110, ECONNREFUSED: 111, EHOSTUNREACH: 113 },
};

// What the kernel may really answer there, the likeliest first. Left out on purpose: munmap(),
// whose failing is a leak that nobody could mend.
const shortage = ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"];
export const errorsOf = {
  socket: shortage,
  bind: ["EADDRINUSE", "EACCES", "ENOMEM"],
  listen: ["EADDRINUSE", "ENOBUFS"],
  connect: ["ECONNREFUSED", "EADDRNOTAVAIL", "EINTR"],
  accept4: [...shortage, "ECONNABORTED", "EINTR", "EAGAIN", "EPERM", "EHOSTUNREACH"],
  getsockname: ["ENOBUFS"],
  getpeername: ["ENOTCONN", "ENOBUFS"],
  setsockopt: ["ENOMEM", "EINVAL"],
  getsockopt: ["ENOBUFS"],
  shutdown: ["ENOTCONN"],
  recv: ["EINTR", "EAGAIN", "ENOMEM", "ECONNRESET", "ETIMEDOUT"],
  send: ["EINTR", "EAGAIN", "ENOBUFS", "ENOMEM", "EPIPE", "ECONNRESET"],
  sendmsg: ["EINTR", "EAGAIN", "ENOBUFS", "ENOMEM", "EPIPE", "ECONNRESET"],
  read: ["EINTR", "EIO", "EAGAIN"],
  write: ["EINTR", "EAGAIN", "ENOSPC", "EIO"],
  poll: ["EINTR", "ENOMEM"],
  epoll_create1: ["EMFILE", "ENOMEM"],
  epoll_ctl: ["ENOMEM", "ENOSPC"],
  epoll_wait: ["EINTR"],
  epoll_pwait2: ["EINTR", "ENOSYS", "EPERM"],
  eventfd: ["EMFILE", "ENOMEM"],
  memfd_create: ["EMFILE", "ENOSYS"],
  ftruncate: ["ENOMEM", "EINTR"],
  mmap: ["ENOMEM"],
  madvise: ["ENOMEM", "EAGAIN"],
  mprotect: ["ENOMEM"],
  getrandom: ["EINTR", "ENOSYS"],
  getrlimit: ["EPERM"],
  setrlimit: ["EPERM"],
  sched_getaffinity: ["EINVAL"],
  gethostname: ["EPERM"],
  fopen: ["EMFILE", "ENOENT"],
  fopen64: ["EMFILE", "ENOENT"],
  fwrite: ["ENOSPC", "EPIPE"],
  fflush: ["ENOSPC", "EPIPE"],
  fcntl: ["EINVAL"],
  nanosleep: ["EINTR"],
  pthread_create: ["EAGAIN"],
  io_uring_queue_init_params: ["ENOMEM", "EMFILE", "EPERM", "ENOSYS"],
  io_uring_register_files_sparse: ["ENOMEM", "EMFILE"],
  io_uring_register_ring_fd: ["ENOMEM", "EINVAL"],
  io_uring_enter2: ["EINTR", "EAGAIN", "EBUSY"],
  "uring.accept": [...shortage, "ECONNABORTED", "EINTR", "EAGAIN", "EHOSTUNREACH"],
  "uring.recv": ["EINTR", "EAGAIN", "ENOMEM", "ECONNRESET", "ETIMEDOUT"],
  "uring.send": ["EINTR", "EAGAIN", "ENOBUFS", "ENOMEM", "EPIPE", "ECONNRESET"],
  "uring.sendmsg": ["EINTR", "EAGAIN", "ENOBUFS", "ENOMEM", "EPIPE", "ECONNRESET"],
  "uring.poll": ["ENOMEM"],
  "uring.poll_remove": ["ENOENT"],
  "uring.cancel": ["ENOENT", "ENOMEM"],
  "operator new": ["ENOMEM"],
};

export const nameOf = (site) =>
  site.module === "io_uring"
    ? site.function
    : `${site.function} in ${site.module}+0x${site.offset.toString(16)}`;

export class FaultTable {
  constructor(file) {
    this.path = file;
    this.fd = openSync(file, "w+");
    writeSync(this.fd, Buffer.alloc(ruleBytes + sitesMax * siteBytes));
  }

  get environment() {
    return { LD_PRELOAD: shim, FAULT_TABLE: this.path };
  }

  #read(at, size) {
    const bytes = Buffer.alloc(size);
    readSync(this.fd, bytes, 0, size, at);
    return bytes;
  }

  // All sites seen so far with their calls, in the order in which they came.
  sites() {
    const count = this.#read(12, 4).readUInt32LE();
    const bytes = this.#read(ruleBytes, count * siteBytes);
    return Array.from({ length: count }, (_, i) => {
      const at = i * siteBytes;
      const text = (from, to) => bytes.toString("latin1", at + from, at + to).replace(/\0.*$/s, "");
      return {
        function: text(0, 40),
        module: text(40, 104),
        offset: Number(bytes.readBigUInt64LE(at + 104)),
        calls: Number(bytes.readBigUInt64LE(at + 112)),
      };
    });
  }

  // The site's next call after `pass` more fails with `error`, once.
  letFail(site, error, pass = 0) {
    const bytes = Buffer.alloc(128);
    bytes.writeInt32LE(errno[error], 4);
    bytes.writeUInt32LE(pass, 8);
    bytes.writeBigUInt64LE(BigInt(site.offset ?? 0), 16);
    bytes.write(site.function, 24, "latin1");
    bytes.write(site.module ?? "", 64, "latin1");
    this.disarm();
    writeSync(this.fd, bytes, 4, 8, 4); // not the number of sites, which the program counts
    writeSync(this.fd, bytes, 16, 112, 16);
    bytes.writeUInt32LE(1, 0);
    writeSync(this.fd, bytes, 0, 4, 0);
  }

  disarm() {
    writeSync(this.fd, Buffer.alloc(4), 0, 4, 0);
  }

  get hasFired() {
    return this.#read(0, 4).readUInt32LE() === fired;
  }

  // A new program may be started on the table.
  reset() {
    const all = Buffer.alloc(ruleBytes + sitesMax * siteBytes);
    writeSync(this.fd, all, 0, all.length, 0);
  }

  close() {
    closeSync(this.fd);
  }
}
