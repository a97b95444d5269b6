package event

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// span is a range of addresses, as hexadecimal digits: 8 or 32 of them, the
// same number at both ends.
type span struct{ bottom, top string }

// contains reads the digits of an address one by one and decides as soon as it
// can. That is how EventBridge's matcher does it, and why it finds an IPv6
// address in an IPv4 range by its first 32 bits, and the other way round if
// these decide. An address of the other family is hardly ever meant; but what
// the rule lets through has to be let through here.
func (s span) contains(digits string) bool {
	onBottom, onTop := true, true
	for i := range min(len(digits), len(s.bottom)) {
		digit, low, high := digits[i], s.bottom[i], s.top[i]
		if onBottom && digit < low || onTop && digit > high {
			return false
		}
		onBottom, onTop = onBottom && digit == low, onTop && digit == high
		if !onBottom && !onTop {
			return true
		}
	}
	return len(digits) >= len(s.bottom)
}

// passes is the test for addresses. A number is none, whatever EventBridge's
// matcher makes of its digits; see the doc of [Pattern].
func (s span) passes(leaf any) bool {
	text, _ := leaf.(string)
	a, ok := parseAddress(text)
	return ok && s.contains(a)
}

func cidr(c *compiler, operand node, path string) test {
	written, ok := operand.value.(string)
	if !ok {
		c.refuse(operand.start, path, operand.String(), "a string")
		return nil
	}
	s, ok := parseSpan(written, true)
	if !ok {
		wanted := "an address and a number of bits, such as 10.0.0.0/24 or 2001:db8::/32"
		if strings.HasSuffix(written, "/32") || strings.HasSuffix(written, "/128") {
			wanted += "; a single address is written as a string"
		}
		c.refuse(operand.start, path, operand.String(), wanted)
		return nil
	}
	return s.passes
}

// parseSpan reads an address, or one with the number of its bits that count: at
// least one may not.
func parseSpan(written string, masked bool) (s span, ok bool) {
	address, mask, _ := strings.Cut(written, "/")
	if !masked {
		a, ok := parseAddress(written)
		return span{a, a}, ok
	}
	digits, ok := parseAddress(address)
	bits, err := strconv.ParseUint(mask, 10, 8)
	if !ok || err != nil || bits >= uint64(4*len(digits)) {
		return span{}, false
	}
	bottom, top := []byte(digits), []byte(digits)
	for i := range digits {
		// The low bits of this digit that the mask leaves open.
		open := byte(0xF) >> min(max(int(bits)-4*i, 0), 4)
		bottom[i], top[i] = hexDigits[nibble(digits[i])&^open], hexDigits[nibble(digits[i])|open]
	}
	return span{string(bottom), string(top)}, true
}

const hexDigits = "0123456789abcdef"

func nibble(digit byte) byte { return byte(strings.IndexByte(hexDigits, digit)) }

var ipv4 = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$`)

// parseAddress reads an IP address as EventBridge's matcher does, on Java's
// library: numbers of an IPv4 address are decimal and may begin with zeros,
// groups of an IPv6 address likewise, there is neither a zone nor an IPv4
// address within an IPv6 one, and an address that is mapped from IPv4 is one of
// IPv4. The result has 8 or 32 digits.
func parseAddress(s string) (digits string, ok bool) {
	if ipv4.MatchString(s) {
		return parseIPv4(s)
	}
	head, tail, compressed := strings.Cut(s, "::")
	before, ok := groups(head)
	after, valid := groups(tail)
	n := (len(before) + len(after)) / 4
	if !ok || !valid || n > 8 || compressed == (n == 8) {
		return "", false
	}
	digits = before + strings.Repeat("0000", 8-n) + after
	if mapped, ok := strings.CutPrefix(digits, "00000000000000000000ffff"); ok {
		return mapped, true
	}
	return digits, true
}

func parseIPv4(s string) (digits string, ok bool) {
	if len(s) > len("255.255.255.255") {
		return "", false
	}
	var address []byte
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return "", false
		}
		address = append(address, byte(n))
	}
	return hex.EncodeToString(address), true
}

// groups reads what stands on one side of ::, four digits for each group.
func groups(s string) (digits string, ok bool) {
	if s == "" {
		return "", true
	}
	for group := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseUint(group, 16, 64)
		if err != nil || n > 0xFFFF || strings.ContainsAny(group, "+-_") {
			return "", false
		}
		digits += hex.EncodeToString([]byte{byte(n >> 8), byte(n)})
	}
	return digits, true
}
