package kubelet

import (
	"net/netip"
	"os"
)

// LoopbackAddresses are 254 of them, others than those of other programs that run now: their third
// and second number come from the process id.
func LoopbackAddresses() netip.Prefix {
	id := os.Getpid()
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(128 + id/250%64), byte(1 + id%250), 0}), 24)
}
