package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func (s *Server) deliveryRoutes(r *routes) {
	handle(r, operation{
		id: "list-deliveries", method: http.MethodGet, path: "/v1/deliveries", tag: "webhooks", scope: jobs.ScopeRead,
		summary: "List what webhooks were sent, newest first", refuses: []code{codeBadCursor},
	}, s.listDeliveries)
	handle(r, operation{
		id: "get-delivery", method: http.MethodGet, path: "/v1/deliveries/{id}", tag: "webhooks", scope: jobs.ScopeRead,
		summary: "Read a delivery, with all its tries and what the receiver answered",
	}, s.getDelivery)
	handle(r, operation{
		id: "resend-delivery", method: http.MethodPost, path: "/v1/deliveries/{id}/resend", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Send a message again", detail: "With the same webhook-id and the same body, at once and with the whole schedule of tries before it.",
		status: http.StatusAccepted,
	}, s.resendDelivery)
}

// deliveryView is one event on its way to one address.
type deliveryView struct {
	ID          uuid.UUID          `json:"id" format:"uuid"`
	MessageID   string             `json:"messageId" doc:"The webhook-id header: the same each time that the event is sent."`
	WebhookID   *uuid.UUID         `json:"webhookId,omitempty" format:"uuid" doc:"The endpoint. Absent: it goes to the task's own webhookUrl."`
	URL         string             `json:"url"`
	Owner       string             `json:"owner"`
	Type        jobs.EventType     `json:"type" example:"task.completed"`
	TaskID      *uuid.UUID         `json:"taskId,omitempty" format:"uuid"`
	Seq         int64              `json:"seq,omitempty"`
	State       jobs.DeliveryState `json:"state" enum:"pending,delivered,failed"`
	Tries       int                `json:"tries"`
	NextAt      *time.Time         `json:"nextAt,omitempty" doc:"When it is sent next, while it is pending."`
	LastTry     *tryView           `json:"lastTry,omitempty"`
	History     []tryView          `json:"history,omitempty" nullable:"false" doc:"All tries, the first one first. Not in lists."`
	CreatedAt   time.Time          `json:"createdAt"`
	CompletedAt *time.Time         `json:"completedAt,omitempty" doc:"When it arrived, or was given up."`
}

// tryView is one sending.
type tryView struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	TookMS int64     `json:"tookMs"`
	Status int       `json:"status,omitempty" doc:"Of the answer. Absent: there was none."`
	Answer string    `json:"answer,omitempty" doc:"How the answer's body begins, up to 4 KiB."`
	Error  string    `json:"error,omitempty" doc:"Why there was no answer."`
}

func viewTry(try jobs.DeliveryTry) tryView {
	return tryView{
		Number: try.Number, At: try.At.UTC(), TookMS: try.Took.Milliseconds(), Status: try.Status,
		Answer: strings.ToValidUTF8(string(try.Answer), "\uFFFD"), Error: try.Error,
	}
}

func viewDelivery(d jobs.Delivery) deliveryView {
	seconds, nanos := d.ID.Time().UnixTime()
	view := deliveryView{
		ID: d.ID, MessageID: d.Message, URL: d.URL, Owner: d.Owner, Type: d.Type, Seq: d.Seq, State: d.State, Tries: d.Tries,
		CreatedAt: time.Unix(seconds, nanos).UTC(), CompletedAt: utc(d.EndedAt),
	}
	if d.Endpoint != uuid.Nil {
		view.WebhookID = &d.Endpoint
	}
	if d.TaskID != uuid.Nil {
		view.TaskID = &d.TaskID
	}
	if d.State == jobs.DeliveryPending {
		view.NextAt = utc(&d.DueAt)
	}
	if d.Last != nil {
		last := viewTry(*d.Last)
		view.LastTry = &last
	}
	return view
}

type deliveriesInput struct {
	Webhook string             `query:"webhook" maxLength:"36" doc:"Id of an endpoint."`
	Task    string             `query:"task" maxLength:"36" doc:"Id of a task."`
	State   jobs.DeliveryState `query:"state" enum:"pending,delivered,failed"`
	Limit   int                `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string             `query:"cursor" maxLength:"200" doc:"The nextCursor of the page before, with the same filter."`
}

type deliveriesOutput struct {
	Body struct {
		Items      []deliveryView `json:"items" nullable:"false"`
		NextCursor string         `json:"nextCursor,omitempty" doc:"Absent on the last page."`
	}
}

type deliveryInput struct {
	ID string `path:"id" doc:"Id of the delivery."`
}

type deliveryOutput struct {
	Body deliveryView
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	identity := caller(ctx)
	filter := jobs.DeliveryFilter{State: in.State, OwnTasks: !identity.ForEveryone()}
	if !identity.Admin {
		filter.Owner = identity.Owner
	}
	if in.Webhook != "" {
		endpoint, err := s.ownEndpoint(ctx, in.Webhook)
		if err != nil {
			return nil, err
		}
		filter.Endpoint, filter.Owner = endpoint.ID, endpoint.Owner
	}
	if in.Task != "" {
		var err error
		if filter.Task, err = parseID(in.Task); err != nil {
			return nil, err
		}
	}
	fields := []string{"deliveries", filter.Owner, in.Webhook, in.Task, string(in.State)}
	before, err := s.readCursor(in.Cursor, fields)
	if err != nil {
		return nil, err
	}
	deliveries, err := s.store.Deliveries(ctx, filter, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	output := &deliveriesOutput{}
	deliveries, output.Body.NextCursor = cut(s, deliveries, in.Limit, fields, func(d jobs.Delivery) uuid.UUID { return d.ID })
	output.Body.Items = listOf(deliveries, viewDelivery).Items
	return output, nil
}

func (s *Server) getDelivery(ctx context.Context, in *deliveryInput) (*deliveryOutput, error) {
	id, err := parseID(in.ID)
	if err != nil {
		return nil, err
	}
	return s.deliveryNow(ctx, id)
}

// deliveryNow answers with a delivery as it is, if the caller may see it.
func (s *Server) deliveryNow(ctx context.Context, id uuid.UUID) (*deliveryOutput, error) {
	const refusal = "The delivery belongs to another owner."
	var tries []jobs.DeliveryTry
	delivery, err := look(ctx, s, refusal, func(ctx context.Context) (delivery jobs.Delivery, err error) {
		delivery, tries, err = s.store.Delivery(ctx, id)
		return delivery, err
	})
	if err != nil {
		return nil, err
	}
	if !caller(ctx).MayHear(delivery.Owner, delivery.OfOthers) {
		return nil, newProblem(codeForbidden, refusal)
	}
	view := viewDelivery(delivery)
	view.History = listOf(tries, viewTry).Items
	return &deliveryOutput{view}, nil
}

func (s *Server) resendDelivery(ctx context.Context, in *deliveryInput) (*deliveryOutput, error) {
	found, err := s.getDelivery(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := s.store.Resend(ctx, found.Body.ID); err != nil {
		return nil, err
	}
	return s.deliveryNow(ctx, found.Body.ID)
}
