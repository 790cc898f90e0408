package network

import (
	"fmt"
	"net"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if err := Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestEachAddressOfPodsIsOurs(t *testing.T) {
	for _, address := range []string{"10.244.0.1", "10.244.3.4", "127.0.0.1"} {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		connection.Close()
	}
}

func TestNothingElseIsThere(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) != 1 {
		t.Errorf("%v, %v", interfaces, err)
	}
	if _, err := net.Listen("tcp", "10.245.0.1:0"); err == nil {
		t.Error("an address of nobody can be listened at")
	}
}
