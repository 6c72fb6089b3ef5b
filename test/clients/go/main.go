// The common scenario with go-sql-driver: prepared statements in the binary protocol.
package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	config := mysql.NewConfig()
	config.User = os.Getenv("DB_USER")
	config.Passwd = os.Getenv("DB_PASSWORD")
	config.Net = "tcp"
	config.Addr = os.Getenv("DB_HOST") + ":" + os.Getenv("DB_PORT")
	config.DBName = "test"
	config.ParseTime = true
	config.Loc = time.UTC
	config.MultiStatements = true
	if os.Getenv("DB_TLS") != "" {
		check(mysql.RegisterTLSConfig("own", &tls.Config{InsecureSkipVerify: true}))
		config.TLSConfig = "own"
	}
	if os.Getenv("DB_COMPRESS") != "" {
		check(config.Apply(mysql.EnableCompression(true)))
	}
	connector, err := mysql.NewConnector(config)
	check(err)
	db := sql.OpenDB(connector)
	defer db.Close()
	check(db.Ping())
	_, err = db.Exec("DROP TABLE IF EXISTS clients_t")
	check(err)
	_, err = db.Exec("CREATE TABLE clients_t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(100), d DECIMAL(10,2), dt DATETIME(6), b BLOB, n BIGINT)")
	check(err)
	tx, err := db.BeginTx(context.Background(), nil)
	check(err)
	result, err := tx.Exec("INSERT INTO clients_t (s, d, dt, b, n) VALUES (?, ?, ?, ?, ?)",
		"Grüße 🙂", "12.50", time.Date(2024, 2, 29, 12, 34, 56, 123456000, time.UTC), []byte{0, 255, 16}, int64(9007199254740993))
	check(err)
	check(tx.Commit())
	id, err := result.LastInsertId()
	check(err)
	rows, err := db.Query("SELECT id, s, d, dt, b, n FROM clients_t WHERE id > ? ORDER BY id", 0)
	check(err)
	all := [][]any{}
	for rows.Next() {
		var rowID int
		var s, d string
		var dt time.Time
		var b []byte
		var n int64
		check(rows.Scan(&rowID, &s, &d, &dt, &b, &n))
		all = append(all, []any{rowID, s, d, dt.Format("2006-01-02 15:04:05.000000"), hex.EncodeToString(b), strconv.FormatInt(n, 10)})
	}
	check(rows.Err())
	_, err = db.Query("SELECT * FROM missing_table")
	var problem *mysql.MySQLError
	number := uint16(0)
	if errors.As(err, &problem) {
		number = problem.Number
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"insertId": id, "rows": all, "error": number}))
}
