package postgres

import (
	"context"
	"fmt"
)

// Secret reads the wrapped secret of a purpose. The first one offered for it is kept: whoever comes
// later gets that one instead of its own.
func (s *Store) Secret(ctx context.Context, purpose string, offered []byte) ([]byte, error) {
	var wrapped []byte
	err := s.pool.QueryRow(ctx, `INSERT INTO freshet.secrets (purpose, wrapped) VALUES ($1, $2)
		ON CONFLICT (purpose) DO UPDATE SET purpose = excluded.purpose RETURNING wrapped`, purpose, offered).Scan(&wrapped)
	if err != nil {
		return nil, fmt.Errorf("secret for %s: %w", purpose, err)
	}
	return wrapped, nil
}
