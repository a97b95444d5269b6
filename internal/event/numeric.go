package event

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// comparableNumber says which numbers can be compared, for errors.
const comparableNumber = "a number of at most 17 digits"

// numberOf is the number that a JSON value is, if it can be compared. As in
// EventBridge's matcher that is a float64 that has exactly the value that is
// written: 300, 300.0 and 3.0e2 are equal, and a number of twenty digits is no
// more than its text.
func numberOf(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return 0, false
	}
	written, ok := decimalOf(string(n))
	shortest, _ := decimalOf(strconv.FormatFloat(f, 'e', -1, 64))
	return f, ok && written == shortest
}

// decimal is a number as it is written, in a form that is the same for equal
// numbers: digits that neither begin nor end with 0, with the point before them.
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

// decimalOf reads a JSON number whose exponent is not out of all proportion.
func decimalOf(s string) (decimal, bool) {
	s, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	var scale int64
	if exponent != "" {
		var err error
		if scale, err = strconv.ParseInt(exponent, 10, 32); err != nil {
			return decimal{}, false
		}
	}
	scale += int64(len(digits) - len(fraction))
	if digits = strings.TrimRight(digits, "0"); digits == "" {
		return decimal{}, true
	}
	return decimal{negative, digits, scale}, true
}

// comparisons are what numeric can ask.
var comparisons = map[string]func(n, limit float64) bool{
	"=":  func(n, limit float64) bool { return n == limit },
	"<":  func(n, limit float64) bool { return n < limit },
	"<=": func(n, limit float64) bool { return n <= limit },
	">":  func(n, limit float64) bool { return n > limit },
	">=": func(n, limit float64) bool { return n >= limit },
}

// mostNumeric is the largest bound that EventBridge takes, either way from 0.
const mostNumeric = 5e9

// bound is one comparison of a numeric operator.
type bound struct {
	operator string
	limit    float64
}

// numeric takes one comparison, or a range: a lower bound, then an upper one.
func numeric(c *compiler, operand node, path string) test {
	list, _ := operand.value.(elements)
	if len(list) != 2 && len(list) != 4 {
		c.refuse(operand.start, path, operand.String(), `a comparison such as [">", 0], or a range such as [">", 0, "<=", 5]`)
		return nil
	}
	var bounds []bound
	for i := 0; i < len(list); i += 2 {
		b, ok := c.bound(list, i, path)
		if !ok {
			return nil
		}
		bounds = append(bounds, b)
	}
	if len(bounds) == 2 {
		low, high := bounds[0], bounds[1]
		switch {
		case !strings.HasPrefix(low.operator, ">"):
			c.refuse(list[0].start, path+"[0]", list[0].String(), "> or >=, to begin a range")
		case !strings.HasPrefix(high.operator, "<"):
			c.refuse(list[2].start, path+"[2]", list[2].String(), "< or <=, to end a range")
		case low.limit >= high.limit:
			c.refuse(list[3].start, path+"[3]", list[3].String(), fmt.Sprintf("more than %s", list[1]))
		}
	}
	return func(leaf any) bool {
		n, ok := numberOf(leaf)
		for _, b := range bounds {
			ok = ok && comparisons[b.operator](n, b.limit)
		}
		return ok
	}
}

// bound reads the comparison that begins at element i of list.
func (c *compiler) bound(list elements, i int, path string) (bound, bool) {
	operator, _ := list[i].value.(string)
	if _, ok := comparisons[operator]; !ok {
		c.refuse(list[i].start, at(path, i), list[i].String(), "one of = < <= > >=")
		return bound{}, false
	}
	limit, ok := numberOf(list[i+1].value)
	if !ok || math.Abs(limit) > mostNumeric {
		c.refuse(list[i+1].start, at(path, i+1), list[i+1].String(), "a number from -5e9 to 5e9 of at most 17 digits")
		return bound{}, false
	}
	return bound{operator: operator, limit: limit}, true
}
