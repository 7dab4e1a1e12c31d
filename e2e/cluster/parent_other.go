//go:build !linux

package main

import (
	"os"
	"strconv"
	"time"
)

// dieWithParent looks twice a second whether the process that started this one is still its parent; only Linux has a
// signal for it. Programs that are not ours (KUBEBUILDER_ASSETS) outlive a killed parent here.
func dieWithParent() {
	parent := os.Getenv("TENANTRY_CLUSTER_PARENT")
	if parent == "" {
		return
	}
	go func() {
		for range time.Tick(500 * time.Millisecond) {
			if parent != strconv.Itoa(os.Getppid()) {
				os.Exit(1)
			}
		}
	}()
}
