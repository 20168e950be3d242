package builtin

import (
	"encoding/json"
	"fmt"
	"slices"
)

// page is one tab of a browser.
type page struct {
	*browser

	loaded []string       // loader ids of the documents that are complete
	status map[string]int // HTTP status by loader id
}

// openPage opens an empty tab. The browser's calls go to it from now on.
func (b *browser) openPage() (*page, error) {
	var target struct {
		TargetID string `json:"targetId"`
	}
	if err := b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return nil, err
	}
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	to := map[string]any{"targetId": target.TargetID, "flatten": true}
	if err := b.call("Target.attachToTarget", to, &attached); err != nil {
		return nil, err
	}
	p := &page{browser: b, status: map[string]int{}}
	b.session, b.notice = attached.SessionID, p.note
	for _, domain := range []string{"Page", "Network"} {
		if err := b.call(domain+".enable", struct{}{}, nil); err != nil {
			return nil, err
		}
	}
	if err := b.call("Page.setLifecycleEventsEnabled", map[string]any{"enabled": true}, nil); err != nil {
		return nil, err
	}
	return p, nil
}

// note keeps what load waits for.
func (p *page) note(m message) {
	var event struct {
		LoaderID string `json:"loaderId"`
		Name     string `json:"name"`
		Type     string `json:"type"`
		Response struct {
			Status int `json:"status"`
		} `json:"response"`
	}
	if m.Method != "Page.lifecycleEvent" && m.Method != "Network.responseReceived" {
		return
	}
	if json.Unmarshal(m.Params, &event) != nil {
		return
	}
	switch {
	case m.Method == "Page.lifecycleEvent" && event.Name == "load":
		p.loaded = append(p.loaded, event.LoaderID)
	case m.Method == "Network.responseReceived" && event.Type == "Document":
		p.status[event.LoaderID] = event.Response.Status
	}
}

// load goes to an address and waits until the page and all it names are loaded. An address that cannot
// be reached and an HTTP status of 400 and above are errors.
func (p *page) load(address string) error {
	var document struct {
		LoaderID  string `json:"loaderId"`
		ErrorText string `json:"errorText"`
	}
	if err := p.call("Page.navigate", map[string]any{"url": address}, &document); err != nil {
		return err
	}
	if document.ErrorText != "" {
		return &Error{
			Code: "not_loaded", Retry: true,
			Message: fmt.Sprintf("the page %s could not be loaded: %s", address, document.ErrorText),
		}
	}
	for !slices.Contains(p.loaded, document.LoaderID) {
		if _, err := p.next(); err != nil {
			return fmt.Errorf("wait for the page: %w", err)
		}
	}
	if status := p.status[document.LoaderID]; status >= 400 {
		return &Error{
			Code: "http_status", Retry: status >= 500 || status == 429,
			Message: fmt.Sprintf("the server answered %d for %s", status, address),
		}
	}
	return nil
}

// print answers the page as a PDF.
func (p *page) print(paper paper) ([]byte, error) {
	var printed struct {
		Data []byte `json:"data"`
	}
	if err := p.call("Page.printToPDF", paper.options(), &printed); err != nil {
		return nil, err
	}
	return printed.Data, nil
}
