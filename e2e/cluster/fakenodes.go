package main

func fakeNodes(args []string) int { return 0 }
