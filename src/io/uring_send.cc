// Sending. Every send of a batch has completed when the submission returns:
//
//  - MSG_DONTWAIT marks the request REQ_F_NOWAIT. Its first attempt is made by io_uring_enter
//    itself (nothing here sets IOSQE_ASYNC or IO_DRAIN), and where that attempt answers -EAGAIN,
//    the kernel fails a NOWAIT request instead of arming a poll or handing it to a worker
//    (io_queue_async()). There is no state in which it could be kept: neither our pieces nor the
//    msghdr is looked at again.
//  - MSG_WAITALL makes a short send a failure, which is reported in spite of CQE_SKIP_SUCCESS, with
//    the count of bytes taken (io_sendrecv_fail()). Without it the kernel calls a short send a
//    success, and its tail is lost silently.
//  - So a request that has no completion was sent in full. The probe checks this by trying; where
//    it does not hold, successes are reported too and counted.
//
// A completion that came later would carry its batch's number and stop the program (finish_send()).
// Tests: tests/unit/io/contract_send_test.cc, uring_test.cc.
#include <sys/socket.h>

#include "base/check.h"
#include "io/uring_driver.h"

namespace livehub::io {
namespace {

constexpr uint32_t kSendFlags = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;

}  // namespace

void UringDriver::send_batch(std::span<SendRequest> requests) {
  batch_ = requests;
  size_t next = 0;
  while (next < requests.size()) {
    batch_number_ = (batch_number_ + 1) & kGenerationMax;
    answers_due_ = messages_used_ = 0;
    while (next < requests.size() && queue_send(requests[next], static_cast<uint32_t>(next)))
      ++next;
    ring_.submit();
    ring_.reap(false);
    LIVEHUB_CHECK(skip_success_ || answers_due_ == 0, "no send outlives its batch");
  }
  batch_ = {};
}

// False if the submission queue is full.
bool UringDriver::queue_send(SendRequest& request, uint32_t place) {
  const Slot* slot = table_.find(request.socket);
  if (!slot) {
    settle_send(request, -EBADF);
    return true;
  }
  const bool is_one = request.piece_count == 1;
  io_uring_sqe* sqe = ring_.try_queue(is_one ? IORING_OP_SEND : IORING_OP_SENDMSG,
                                      pack_user_data(UringTag::kSend, batch_number_, place));
  if (!sqe) return false;
  aim(*sqe, *slot);
  if (skip_success_) sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->msg_flags = kSendFlags;
  if (is_one) {
    sqe->addr = reinterpret_cast<uint64_t>(request.pieces->iov_base);
    sqe->len = request.bytes;
  } else {
    msghdr& message = messages_[messages_used_++];
    message = {};
    message.msg_iov = const_cast<iovec*>(request.pieces);
    message.msg_iovlen = request.piece_count;
    sqe->addr = reinterpret_cast<uint64_t>(&message);
    sqe->len = 1;
  }
  ++answers_due_;
  settle_send(request, request.bytes);  // unless a completion says otherwise
  return true;
}

void UringDriver::finish_send(uint64_t user_data, int32_t result) {
  const Socket name = socket_of(user_data);
  LIVEHUB_CHECK(name.generation == batch_number_ && name.index < batch_.size(),
                "no send outlives its batch");
  --answers_due_;
  SendRequest& request = batch_[name.index];
  settle_send(request, result);
  if (request.error == 0) return;
  if (Slot* slot = table_.find(request.socket)) slot->error = static_cast<uint8_t>(request.error);
}

}  // namespace livehub::io
