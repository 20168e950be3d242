package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"time"

	"github.com/google/uuid"

	"freshet/api/password"
	"freshet/jobs"
)

func (s *Server) userRoutes(r *routes) {
	handle(r, operation{
		id: "list-users", method: http.MethodGet, path: "/v1/users", tag: "users",
		summary: "List the users", access: admin,
	}, s.listUsers)
	handle(r, operation{
		id: "create-user", method: http.MethodPost, path: "/v1/users", tag: "users",
		summary: "Make a user",
		detail:  "The name is also the owner of what the user submits. Where it is the owner of an API key, both see the same tasks.",
		access:  admin, body: reflect.TypeFor[userRequest](), status: http.StatusCreated,
		example: map[string]any{"name": "ada", "password": "correct horse"},
		refuses: []code{codeInvalidRequest, codeNameTaken},
	}, s.createUser)
	handle(r, operation{
		id: "change-user", method: http.MethodPatch, path: "/v1/users/{name}", tag: "users",
		summary: "Change the password or the role of a user, or disable or enable one",
		detail:  "Every change ends the sessions of the user. Streams that are open in them are closed within a minute.",
		access:  admin, body: reflect.TypeFor[userPatch](), example: map[string]any{"disabled": true},
		refuses: []code{codeInvalidRequest, codeNotFound},
	}, s.changeUser)
	handle(r, operation{
		id: "delete-user", method: http.MethodDelete, path: "/v1/users/{name}", tag: "users",
		summary: "Delete a user, and cancel all tasks of this owner that have not ended",
		detail: "First the user is disabled, then the owner's schedules are paused but for those of freshet.yaml, then the tasks " +
			"are cancelled, one by one, then the user is deleted: what breaks off can be done again. Tasks that have ended stay.",
		access: admin, long: true, status: http.StatusNoContent, refuses: []code{codeNotFound},
	}, s.deleteUser)
}

const maxUserName = 100

// userName is a name that looks the same wherever it is typed: no capitals, no letters that resemble others.
var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]*$`)

// userRequest asks for a user.
type userRequest struct {
	Name     string `json:"name" pattern:"^[a-z0-9][a-z0-9._@+-]*$" maxLength:"100" example:"ada" doc:"Small letters, digits, and . _ @ + -; such as a mail address."`
	Password string `json:"password" format:"password" minLength:"8" maxLength:"128"`
	Admin    bool   `json:"admin,omitempty" doc:"The user sees and may do everything."`
}

// userPatch says what is to be changed of a user.
type userPatch struct {
	Password *string `json:"password,omitempty" format:"password" minLength:"8" maxLength:"128"`
	Admin    *bool   `json:"admin,omitempty"`
	Disabled *bool   `json:"disabled,omitempty" doc:"The user cannot sign in."`
}

// userView is a user.
type userView struct {
	Name              string     `json:"name"`
	Admin             bool       `json:"admin"`
	Disabled          bool       `json:"disabled"`
	CreatedAt         time.Time  `json:"createdAt"`
	PasswordChangedAt time.Time  `json:"passwordChangedAt"`
	DisabledAt        *time.Time `json:"disabledAt,omitempty"`
	LastLoginAt       *time.Time `json:"lastLoginAt,omitempty"`
}

func viewUser(user jobs.User) userView {
	return userView{
		Name: user.Name, Admin: user.Admin, Disabled: user.DisabledAt != nil, CreatedAt: user.CreatedAt.UTC(),
		PasswordChangedAt: user.PasswordChangedAt.UTC(), DisabledAt: utc(user.DisabledAt), LastLoginAt: utc(user.LastLoginAt),
	}
}

type usersOutput struct {
	Body list[userView]
}

type userOutput struct {
	Body userView
}

type userInput struct {
	Name string `path:"name" example:"ada"`
}

func (s *Server) listUsers(ctx context.Context, _ *struct{}) (*usersOutput, error) {
	users, err := s.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	return &usersOutput{listOf(users, viewUser)}, nil
}

func (s *Server) createUser(ctx context.Context, _ *struct{}) (*userOutput, error) {
	request, err := readBody[userRequest](ctx)
	if err != nil {
		return nil, err
	}
	var c checked
	c.refuse(!userName.MatchString(request.Name) || len(request.Name) > maxUserName, "/name", "pattern",
		fmt.Sprintf("must be small letters, digits, and . _ @ + -, at most %d", maxUserName))
	if len(c.faults) > 0 {
		return nil, newProblem(codeInvalidRequest, "", c.faults...)
	}
	hash, err := s.hash(ctx, request.Password)
	if err != nil {
		return nil, err
	}
	callOf(ctx).about(request.Name)
	user, err := s.store.CreateUser(ctx, request.Name, hash, request.Admin)
	if errors.Is(err, jobs.ErrExists) {
		return nil, nameTaken("user")
	}
	return &userOutput{viewUser(user)}, err
}

// hash makes the hash of a new password.
func (s *Server) hash(ctx context.Context, text string) (string, error) {
	hash, err := s.passwords.Hash(ctx, text)
	if errors.Is(err, password.ErrUnfit) {
		return "", newProblem(codeInvalidRequest, "", fault{"/password", "length", fmt.Sprintf("must have %d to %d characters", password.Shortest, password.Longest)})
	}
	return hash, err
}

func (s *Server) changeUser(ctx context.Context, in *userInput) (*userOutput, error) {
	request, err := readBody[userPatch](ctx)
	if err != nil {
		return nil, err
	}
	if request == (userPatch{}) {
		return nil, newProblem(codeInvalidRequest, "There is nothing to change: give password, admin or disabled.")
	}
	change := jobs.UserChange{Admin: request.Admin, Disabled: request.Disabled}
	if request.Password != nil {
		hash, err := s.hash(ctx, *request.Password)
		if err != nil {
			return nil, err
		}
		change.Password = &hash
	}
	user, err := s.store.ChangeUser(ctx, in.Name, change)
	return &userOutput{viewUser(user)}, err
}

// cancelPage is how many tasks are cancelled before the database is asked for more.
const cancelPage = 500

func (s *Server) deleteUser(ctx context.Context, in *userInput) (*struct{}, error) {
	disabled := true
	err := s.briefly(ctx, func(ctx context.Context) error {
		_, err := s.store.ChangeUser(ctx, in.Name, jobs.UserChange{Disabled: &disabled})
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.pauseAll(ctx, in.Name); err != nil {
		return nil, err
	}
	if err := s.cancelAll(ctx, in.Name); err != nil {
		return nil, err
	}
	return nil, s.briefly(ctx, func(ctx context.Context) error { return s.store.RemoveUser(ctx, in.Name) })
}

// pauseAll pauses the schedules that make tasks for an owner. Those of freshet.yaml are the operator's.
func (s *Server) pauseAll(ctx context.Context, owner string) error {
	return s.briefly(ctx, func(ctx context.Context) error {
		schedules, err := s.store.Schedules(ctx, owner)
		if err != nil {
			return err
		}
		for _, schedule := range schedules {
			if schedule.Source == jobs.FromFile || schedule.PausedAt != nil {
				continue
			}
			err := s.store.ChangeSchedule(ctx, schedule.Name, func(now *jobs.Schedule, at time.Time) error {
				if now.Owner == owner {
					now.PausedAt = &at
				}
				return nil
			})
			if err != nil && !errors.Is(err, jobs.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}

// cancelAll cancels all tasks of an owner that have not ended, the oldest first.
func (s *Server) cancelAll(ctx context.Context, owner string) error {
	var last uuid.UUID
	for {
		var ids []uuid.UUID
		err := s.briefly(ctx, func(ctx context.Context) (err error) {
			ids, err = s.store.Unfinished(ctx, owner, last, cancelPage)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			err := s.briefly(ctx, func(ctx context.Context) error { return s.store.Cancel(ctx, id) })
			if err != nil && !errors.Is(err, jobs.ErrEnded) && !errors.Is(err, jobs.ErrNotFound) {
				return err
			}
			last = id
		}
	}
}

// briefly bounds one step of work that may have many.
func (s *Server) briefly(ctx context.Context, step func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	return step(limited)
}
