#!/usr/bin/env python3
"""Runs a command under a seccomp profile in the container engines' JSON form, without an engine.

    python3 tests/tools/under_seccomp.py PROFILE COMMAND [ARGUMENT...]

Knows what docs/examples/deploy/seccomp.json uses: allowed names, refused ones with their errno, and
one masked comparison of an argument. Everything else is refused here, so that the file stays in
what is tested.
"""

import ctypes
import glob
import json
import os
import re
import struct
import sys

LOAD, JUMP_EQ, AND, RETURN = 0x20, 0x15, 0x54, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER_AT, ARGUMENTS_AT = 0, 16
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def numbers():
    """The kernel's numbers of this machine, from its own header; not all names are everywhere."""
    machine = "unistd_64.h" if os.uname().machine == "x86_64" else "unistd.h"
    headers = glob.glob(f"/usr/include/*/asm/{machine}") + ["/usr/include/asm-generic/unistd.h"]
    with open(headers[0], encoding="utf-8") as file:
        found = re.findall(r"#define __NR_(\w+)\s+(\d+)", file.read())
    return {name: int(number) for name, number in found}


def action(rule, default_errno):
    if rule["action"] == "SCMP_ACT_ALLOW":
        return ALLOW
    assert rule["action"] == "SCMP_ACT_ERRNO", rule["action"]
    return ERRNO | rule.get("errnoRet", default_errno)


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def program(profile):
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    refused = profile.get("defaultErrnoRet", 1)
    known = numbers()
    out = [instruction(LOAD, NUMBER_AT)]
    for rule in profile["syscalls"]:
        result = action(rule, refused)
        for name in rule["names"]:
            if name not in known:
                continue
            if not rule.get("args"):
                out += [instruction(JUMP_EQ, known[name], 0, 1), instruction(RETURN, result)]
                continue
            (test,) = rule["args"]
            assert test["op"] == "SCMP_CMP_MASKED_EQ" and result == ALLOW
            out += [
                instruction(JUMP_EQ, known[name], 0, 5),
                instruction(LOAD, ARGUMENTS_AT + 8 * test["index"]),
                instruction(AND, test["value"]),
                instruction(JUMP_EQ, test["valueTwo"], 0, 1),
                instruction(RETURN, ALLOW),
                instruction(RETURN, ERRNO | refused),
            ]
    out.append(instruction(RETURN, ERRNO | refused))
    return out


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        filter_program = program(json.load(file))
    buffer = ctypes.create_string_buffer(b"".join(filter_program))
    fprog = struct.pack("HxxxxxxP", len(filter_program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit("no_new_privs cannot be set")
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog) != 0:
        sys.exit(f"the filter is refused: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
