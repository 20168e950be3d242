package webhook_test

import (
	"fmt"
	"strings"
	"testing"

	"freshet/jobs/webhook"
)

// numbered makes so many headers.
func numbered(count int) map[string]string {
	headers := map[string]string{}
	for i := range count {
		headers[fmt.Sprintf("X-%d", i)] = "y"
	}
	return headers
}

func TestGoodHeaders(t *testing.T) {
	t.Parallel()
	for _, headers := range []map[string]string{
		nil,
		{"Authorization": "Bearer x", "x-tenant": "a b", "X-Empty": "", "Cookie": "a=b", "Idempotency-Key": "1"},
		{"X": strings.Repeat("x", 4<<10-1)},
		numbered(20),
	} {
		if err := webhook.CheckHeaders(headers); err != nil {
			t.Errorf("%.60v: %v", headers, err)
		}
	}
}

func TestBadHeaders(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	tests := map[string][]map[string]string{
		"Freshet's own": {
			{"Host": secret}, {"content-type": secret}, {"Content-Length": "1"}, {"Content-Encoding": secret}, {"user-agent": secret},
			{"webhook-id": secret}, {"Webhook-Signature": secret}, {"WEBHOOK-TIMESTAMP": secret}, {"webhook-new": secret},
			{"Connection": secret}, {"Keep-Alive": secret}, {"Proxy-Authorization": secret}, {"Proxy-Connection": secret}, {"TE": secret},
			{"Trailer": secret}, {"Transfer-Encoding": "chunked"}, {"Upgrade": "h2c"}, {"HTTP2-Settings": secret}, {"Expect": "100-continue"}, {"Accept-Encoding": "gzip"},
		},
		"not the name":  {{"": secret}, {"X Y": secret}, {"X:": secret}, {"X\r\nY": secret}, {"Ü": secret}, {"X\x00": secret}, {"(X)": secret}, {":path": secret}, {"webhook-id ": secret}},
		"not printable": {{"X": secret + "\r\nY: z"}, {"X": "\x00" + secret}, {"X": secret + "ü"}, {"X": secret + "\x7f"}, {"X": " " + secret}, {"X": secret + " "}, {"X": "\t"}},
		"given twice":   {{"X-A": secret, "x-a": secret}},
		"more than 20":  {numbered(21)},
		"4 KiB":         {{"X": strings.Repeat("x", 4<<10)}, {"X": strings.Repeat("x", 2<<10), "Y": strings.Repeat("y", 2<<10)}},
	}
	for want, all := range tests {
		for _, headers := range all {
			err := webhook.CheckHeaders(headers)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%.60q: %v; want %s", headers, err, want)
			}
		}
	}
}
