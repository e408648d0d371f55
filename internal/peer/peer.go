// Package peer says who made a request and over what, as far as that can be
// known: what a proxy tells of it is believed of the proxies that an admin
// named, and of nobody else.
package peer

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of the proxies that are believed.
type Proxies []netip.Prefix

// Parse reads CIDRs such as 10.0.0.0/8.
func Parse(cidrs []string) (Proxies, error) {
	proxies := make(Proxies, 0, len(cidrs))
	for _, cidr := range cidrs {
		network, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q: %w", cidr, err)
		}
		proxies = append(proxies, network.Masked())
	}
	return proxies, nil
}

// Address returns where r came from: the peer, or what the nearest proxy that
// is not believed, or the client, was to those that are. It is invalid where
// there is no peer, as on a Unix socket.
func (p Proxies) Address(r *http.Request) netip.Addr {
	address := direct(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.believes(address); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = next.Unmap().WithZone("")
	}
	return address
}

// Secure reports whether r came over TLS, here or at a proxy that is believed.
func (p Proxies) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	scheme, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return p.believes(direct(r)) && strings.EqualFold(strings.TrimSpace(scheme), "https")
}

func direct(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

func (p Proxies) believes(address netip.Addr) bool {
	for _, network := range p {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
