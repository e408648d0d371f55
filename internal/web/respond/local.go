package respond

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Local reports whether r was made on this very machine and by nothing that
// stands between: the peer is a loopback address, the Host names this machine
// (which keeps out web pages that rebind their own name to 127.0.0.1), and no
// proxy has left its mark.
func Local(r *http.Request) bool {
	return loopbackPeer(r.RemoteAddr) && loopbackHost(r.Host) && !forwarded(r.Header)
}

func loopbackPeer(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// forwarded reports whether a proxy, a tunnel or a CDN names itself in h.
func forwarded(h http.Header) bool {
	for name := range h {
		switch name {
		case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip",
			"True-Client-Ip", "Cf-Connecting-Ip", "Cf-Ray", "Fastly-Client-Ip", "Ngrok-Trace-Id":
			return true
		}
		if strings.HasPrefix(name, "X-Forwarded") || strings.HasPrefix(name, "X-Original-") {
			return true
		}
	}
	return false
}
