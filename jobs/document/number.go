package document

import (
	"bytes"
	"math"
	"strconv"
)

const (
	maxDigits   = 40  // significant digits; a float has 17, a 128-bit integer 39
	maxExponent = 308 // of ten, either way: what a float can hold
)

// checkNumber refuses numbers that grow when they are stored (jsonb keeps 1e130000 as its digits) and
// those that a reader with floats cannot hold.
func checkNumber(number []byte) error {
	if len(number) <= 15 && bytes.IndexByte(number, 'e') < 0 && bytes.IndexByte(number, 'E') < 0 {
		return nil
	}
	mantissa, exponent, ok := splitExponent(number)
	digits, magnitude := measure(mantissa)
	if digits > maxDigits {
		return &Error{Code: NumberTooLong, Message: "has more than 40 significant digits; send it as a string"}
	}
	outside := !ok || exponent > maxExponent || exponent < -maxExponent ||
		magnitude+exponent > maxExponent || magnitude+exponent < -maxExponent
	if !outside && exponent > 0 {
		value, _ := strconv.ParseFloat(string(number), 64)
		outside = math.IsInf(value, 0)
	}
	if outside {
		return &Error{Code: NumberOutOfRange, Message: "is a number outside 1e-308 to 1.8e308; send it as a string"}
	}
	return nil
}

// splitExponent cuts a number at its e; ok is false when the exponent does not even fit an int.
func splitExponent(number []byte) (mantissa []byte, exponent int, ok bool) {
	i := bytes.IndexAny(number, "eE")
	if i < 0 {
		return number, 0, true
	}
	exponent, err := strconv.Atoi(string(number[i+1:]))
	return number[:i], exponent, err == nil
}

// measure counts the significant digits of a number without exponent, and says of what power of ten
// the first of them is. A zero has neither.
func measure(mantissa []byte) (digits, magnitude int) {
	whole, fraction, _ := bytes.Cut(bytes.TrimPrefix(mantissa, []byte("-")), []byte("."))
	if whole[0] != '0' {
		return len(whole) + len(fraction), len(whole) - 1
	}
	significant := bytes.TrimLeft(fraction, "0")
	if len(significant) == 0 {
		return len(fraction), 0
	}
	return len(significant), len(significant) - len(fraction) - 1
}
