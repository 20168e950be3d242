package client

import (
	"context"
	"net/http"
	"time"
)

// User is a person who signs in with a name and a password.
type User struct {
	Name        string     `json:"name"`
	Admin       bool       `json:"admin"`
	Disabled    bool       `json:"disabled"`
	CreatedAt   time.Time  `json:"createdAt"`
	LastLoginAt *time.Time `json:"lastLoginAt"`
}

// NewUser says what user is to be made.
type NewUser struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Admin    bool   `json:"admin,omitempty"`
}

// UserPatch says what is to be changed of a user; nil stays as it is.
type UserPatch struct {
	Password *string `json:"password,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
}

// Users lists the users.
func (c *Client) Users(ctx context.Context) (Answer[List[User]], error) {
	return list[User](ctx, c, "users")
}

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, user NewUser) (Answer[User], error) {
	var answer Answer[User]
	err := c.post(ctx, path("users"), user, &answer)
	return answer, err
}

// ChangeUser changes a user, and ends the user's sessions.
func (c *Client) ChangeUser(ctx context.Context, name string, patch UserPatch) (Answer[User], error) {
	var answer Answer[User]
	err := c.do(ctx, call{method: http.MethodPatch, path: path("users", name), body: patch}, &answer)
	return answer, err
}

// DeleteUser deletes a user, and cancels the tasks of this owner that have not ended.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path("users", name)}, nil)
}
