package event

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// decimal is the value of a JSON number, exactly: 300, 300.0 and 3.0e2 are equal.
type decimal struct{ value *big.Rat }

// mostExponent keeps a number of a few characters from becoming one of
// millions of digits.
const mostExponent = 400

// numberOf is the number that a JSON value is, if it is one.
func numberOf(value any) (decimal, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return decimal{}, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(string(n)), "e"); ok {
		if e, err := strconv.Atoi(exponent); err != nil || e < -mostExponent || e > mostExponent {
			return decimal{}, false
		}
	}
	r, ok := new(big.Rat).SetString(string(n))
	return decimal{r}, ok
}

func (d decimal) compare(other decimal) int { return d.value.Cmp(other.value) }

// comparisons are what numeric can ask of the sign of leaf minus bound.
var comparisons = map[string]func(sign int) bool{
	"=":  func(sign int) bool { return sign == 0 },
	"<":  func(sign int) bool { return sign < 0 },
	"<=": func(sign int) bool { return sign <= 0 },
	">":  func(sign int) bool { return sign > 0 },
	">=": func(sign int) bool { return sign >= 0 },
}

// mostNumeric is the largest bound that EventBridge takes, either way from 0.
var mostNumeric = decimal{big.NewRat(5e9, 1)}

// bound is one comparison of a numeric operator.
type bound struct {
	operator string
	limit    decimal
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
		case low.limit.compare(high.limit) >= 0:
			c.refuse(list[3].start, path+"[3]", list[3].String(), fmt.Sprintf("more than %s", list[1]))
		}
	}
	return func(leaf any) bool {
		n, ok := numberOf(leaf)
		for _, b := range bounds {
			ok = ok && comparisons[b.operator](n.compare(b.limit))
		}
		return ok
	}
}

// bound reads the comparison that begins at element i of list.
func (c *compiler) bound(list elements, i int, path string) (bound, bool) {
	operator, _ := list[i].value.(string)
	if _, ok := comparisons[operator]; !ok {
		c.refuse(list[i].start, fmt.Sprintf("%s[%d]", path, i), list[i].String(), "one of = < <= > >=")
		return bound{}, false
	}
	limit, ok := numberOf(list[i+1].value)
	if !ok || new(big.Rat).Abs(limit.value).Cmp(mostNumeric.value) > 0 {
		c.refuse(list[i+1].start, fmt.Sprintf("%s[%d]", path, i+1), list[i+1].String(), "a number from -5e9 to 5e9")
		return bound{}, false
	}
	return bound{operator: operator, limit: limit}, true
}
