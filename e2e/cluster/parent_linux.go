package main

import (
	"os"
	"strconv"
	"syscall"
)

// dieWithParent asks the kernel to kill this process when the one that started it is gone, however that ended
// (also by SIGKILL). The kernel means the parent's *thread*: e2e/src/process.rs starts us from one that never ends.
// TENANTRY_CLUSTER_PARENT names the parent's id, so that a parent that died before the call is noticed.
func dieWithParent() {
	parent := os.Getenv("TENANTRY_CLUSTER_PARENT")
	if parent == "" {
		return
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	if errno != 0 || parent != strconv.Itoa(os.Getppid()) {
		os.Exit(1)
	}
}
