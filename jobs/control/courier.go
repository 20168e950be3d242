package control

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
	"freshet/jobs/webhook"
)

const (
	// deliverySlots is how many messages one replica sends at once, and perTarget how many all replicas
	// together send to one endpoint.
	deliverySlots = 64
	perTarget     = 4
	// sendWithin is how long a sending is left to whoever took it: longer than a message may take.
	sendWithin = time.Minute
	// deliverEvery is how long a lost hint can delay a delivery.
	deliverEvery = 2 * time.Second
	// recordWithin bounds the note of what became of a sending; a lost one is sent again, with the same id.
	recordWithin = 10 * time.Second
)

// Courier brings deliveries to where they belong. Create it with NewCourier.
type Courier struct {
	bell // rung when there is something to deliver

	CourierConfig

	slots chan struct{} // has one for each message that is being sent
}

// CourierConfig is what a Courier needs.
type CourierConfig struct {
	Store   *postgres.Store
	Sender  *webhook.Sender
	Seal    webhook.Seal
	Compose func(jobs.Sending) ([]byte, error) // makes the body of a message from what was told
	Logger  *slog.Logger
	Metrics *metrics.Replica // nil: nothing is counted
	// Delay is how long it is until the next try, after so many failures in a row and with what the receiver
	// asked for; false: there is none. It is webhook.Delay when nil.
	Delay func(failures int, retryAfter time.Duration) (time.Duration, bool)
}

// NewCourier makes a Courier; Run starts it.
func NewCourier(config CourierConfig) *Courier {
	if config.Delay == nil {
		config.Delay = func(failures int, retryAfter time.Duration) (time.Duration, bool) {
			return webhook.Delay(failures, retryAfter, rand.Float64()) //nolint:gosec // no secret
		}
	}
	return &Courier{newBell(), config, make(chan struct{}, deliverySlots)}
}

// Run delivers until ctx ends, and then waits for what is being sent. A database that is away is waited for.
func (c *Courier) Run(ctx context.Context) error {
	var sendings sync.WaitGroup
	defer sendings.Wait()
	for {
		pause, err := c.round(ctx, &sendings)
		if err != nil {
			pause = deliverEvery
			if ctx.Err() == nil {
				c.Logger.Warn("deliveries could not be looked for; the next look follows", "error", err)
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-c.bell:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// round takes what is due, as far as there are slots, and tells how long it is until more is.
func (c *Courier) round(ctx context.Context, sendings *sync.WaitGroup) (time.Duration, error) {
	free := deliverySlots - len(c.slots) // only this goroutine takes slots
	if free == 0 {
		return deliverEvery, nil // the next sending that ends rings
	}
	taken, err := c.Store.TakeDeliveries(ctx, free, perTarget, sendWithin)
	if err != nil {
		return 0, err
	}
	for _, sending := range taken {
		c.slots <- struct{}{}
		sendings.Go(func() {
			c.deliver(context.WithoutCancel(ctx), sending) // what was begun is ended; a message takes seconds
			<-c.slots
			c.Wake()
		})
	}
	due, waits, err := c.Store.NextDelivery(ctx)
	if err != nil || !waits || due <= 0 { // what is due and was not taken waits for its target, or for a slot
		return deliverEvery, err
	}
	return min(due, deliverEvery), nil
}

// deliver sends a message and records what became of it.
func (c *Courier) deliver(ctx context.Context, sending jobs.Sending) {
	sent := jobs.Sent{Delivery: sending.ID, Number: sending.Tries, Body: sending.Body, Try: jobs.DeliveryTry{At: time.Now()}}
	message, err := c.message(sending, &sent)
	if err != nil {
		c.Logger.Error("a delivery cannot be sent", "delivery", sending.ID, "error", err)
		sent.Try.Error = "Freshet cannot make the message: " + err.Error()
	} else {
		answer := c.Sender.Send(ctx, message)
		sent.Try.Took, sent.Try.Status, sent.Try.Answer, sent.Try.Error = answer.Took, answer.Status, answer.Body, answer.Err
		sent.OK, sent.Gone = answer.OK(), answer.Gone()
		delay, again := c.Delay(sending.Failures+1, answer.RetryAfter)
		if !sent.OK && !sent.Gone && again {
			sent.Next = &delay
		}
	}
	c.Metrics.Delivery(resultOf(sent))
	limited, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	if err := c.Store.Sent(limited, sent); err != nil {
		c.Logger.Warn("what became of a delivery was not recorded; it is sent again", "delivery", sending.ID, "error", err)
	}
}

// resultOf is what became of a try.
func resultOf(sent jobs.Sent) metrics.Delivered {
	switch {
	case sent.OK:
		return metrics.DeliveryDone
	case sent.Gone:
		return metrics.DeliveryGone
	case sent.Next != nil:
		return metrics.DeliveryAgain
	default:
		return metrics.DeliveryGivenUp
	}
}

var errNothingTold = errors.New("what it tells of is gone")

// message makes what is sent. The body is noted in sent, to be the same ever after.
func (c *Courier) message(sending jobs.Sending, sent *jobs.Sent) (webhook.Message, error) {
	whose := webhook.OfKey(sending.Key)
	if sending.Endpoint != uuid.Nil {
		whose = webhook.OfEndpoint(sending.Endpoint)
	}
	secrets, err := c.Seal.Signing(whose, sending.Signing, time.Now())
	if err != nil {
		return webhook.Message{}, err
	}
	header, err := c.Seal.Header(whose, sending.Headers)
	if err != nil {
		return webhook.Message{}, err
	}
	if sent.Body == nil {
		if sending.Told == nil {
			return webhook.Message{}, errNothingTold
		}
		if sent.Body, err = c.Compose(sending); err != nil {
			return webhook.Message{}, err
		}
	}
	return webhook.Message{URL: sending.URL, ID: sending.Message, Body: sent.Body, Secrets: secrets, Header: header}, nil
}
