package postgres

// RequeueSQL is the statement of Requeue.
func RequeueSQL() string { return requeueSQL(unclaimedSQL) }

// MendSQL is the statement of Mend.
func MendSQL() string { return requeueSQL(estrangedSQL) }
