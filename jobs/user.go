package jobs

import "time"

// User is a person who signs in with a name and a password. The name is also the owner of what the user
// submits. Of the password only a slow hash is stored, which is never read with a User.
type User struct {
	Name              string
	Admin             bool // sees and may do everything
	CreatedAt         time.Time
	PasswordChangedAt time.Time
	DisabledAt        *time.Time // since when the user cannot sign in; nil: can
	LastLoginAt       *time.Time
}

// UserChange is what is to become of a user; nil leaves it as it is.
type UserChange struct {
	Password *string // as hash
	Admin    *bool
	Disabled *bool
}
