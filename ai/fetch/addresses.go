package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// errPrivate is why an address is not reached.
var errPrivate = errors.New("the address is not on the public internet")

// special returns networks of IPv4 and IPv6 that are not the public internet, or lead
// elsewhere, beside those that netip knows: shared by carriers, for documentation and
// tests, reserved, translated to IPv4, and the metadata of a cloud that has a public
// address.
func special() []netip.Prefix {
	return networks(
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	)
}

// everyday returns what the public internet has of IPv6.
func everyday() []netip.Prefix { return networks("2000::/3") }

func networks(texts ...string) (list []netip.Prefix) {
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

func within(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// public reports whether an address is on the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	switch {
	case !a.IsValid(), a.Zone() != "", !a.IsGlobalUnicast(), a.IsPrivate():
		return false
	case a.Is6() && !within(everyday(), a):
		return false
	}
	return !within(special(), a)
}

// check looks a host up and returns its addresses. One that is not public, or this
// machine's own, condemns all.
func (t *tool) check(ctx context.Context, host string) ([]netip.Addr, error) {
	all, err := t.o.Lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("the host %.100q is not found", host)
	}
	own, err := t.o.Own()
	if err != nil {
		return nil, fmt.Errorf("the addresses of this machine cannot be read: %w", err)
	}
	for _, a := range all {
		if !public(a) || slices.Contains(own, a.Unmap()) {
			return nil, errPrivate
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the host %.100q has no address", host)
	}
	return all, nil
}

// lookup is [Options.Lookup] by the system's resolver.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// own is [Options.Own] by the machine's interfaces.
func own() (list []netip.Addr, err error) {
	all, err := net.InterfaceAddrs()
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, prefix.Addr().Unmap())
		}
	}
	return list, err
}
