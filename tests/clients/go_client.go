// go-sql-driver/mysql through database/sql.
package main

import (
	"bufio"
	"crypto/sha1"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
)

type set struct {
	Columns []string        `json:"columns"`
	Rows    [][]interface{} `json:"rows"`
}

func param(text string) interface{} {
	value := text[2:]
	n, _ := strconv.Atoi(value)
	switch text[0] {
	case 'i':
		return n
	case 'b':
		return []byte(strings.Repeat("\x00\xff'\\", n/4))
	case 'n':
		return nil
	}
	return value
}

func cell(v interface{}) interface{} {
	b, ok := v.([]byte)
	if !ok {
		return v
	}
	s := string(b)
	if !utf8.ValidString(s) {
		s = "0x" + hex.EncodeToString(b)
	}
	if len(s) > 200 {
		s = fmt.Sprintf("%d %x", len(s), sha1.Sum([]byte(s)))
	}
	return s
}

func read(rows *sql.Rows) ([]set, error) {
	var sets []set
	defer rows.Close()
	for {
		names, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		one := set{Columns: names}
		for rows.Next() {
			values, at := make([]interface{}, len(names)), make([]interface{}, len(names))
			for i := range values {
				at[i] = &values[i]
			}
			if err := rows.Scan(at...); err != nil {
				return nil, err
			}
			for i := range values {
				values[i] = cell(values[i])
			}
			one.Rows = append(one.Rows, values)
		}
		sets = append(sets, one)
		if !rows.NextResultSet() {
			return sets, rows.Err()
		}
	}
}

func step(c *sql.DB, mode, text string, params []interface{}) (map[string]interface{}, error) {
	out := map[string]interface{}{}
	word := strings.ToUpper(strings.SplitN(text, " ", 2)[0])
	if word != "SELECT" && word != "SHOW" && word != "CALL" && word != "SELEC" {
		r, err := c.Exec(text, params...)
		if err != nil {
			return nil, err
		}
		out["affected"], err = r.RowsAffected()
		return out, err
	}
	rows, err := c.Query(text, params...)
	if err != nil {
		return nil, err
	}
	out["sets"], err = read(rows)
	return out, err
}

func main() {
	e := os.Getenv
	if e("CLIENT_COMPRESS") == "1" {
		os.Exit(77)
	}
	dsn := fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?multiStatements=true&maxAllowedPacket=0", e("CLIENT_USER"), e("CLIENT_PASSWORD"),
		e("CLIENT_HOST"), e("CLIENT_PORT"), e("CLIENT_SCHEMA"))
	if e("CLIENT_TLS") == "1" {
		dsn += "&tls=skip-verify"
	}
	c, err := sql.Open("mysql", dsn)
	if err == nil {
		c.SetMaxOpenConns(1)
		err = c.Ping()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	f, _ := os.Open(e("CLIENT_STEPS"))
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		w := strings.Split(lines.Text(), "\t")
		var params []interface{}
		for _, p := range w[3:] {
			params = append(params, param(p))
		}
		out, err := step(c, w[1], w[2], params)
		var known *mysql.MySQLError
		if errors.As(err, &known) {
			out = map[string]interface{}{"error": known.Number}
		} else if err != nil {
			out = map[string]interface{}{"error": err.Error()}
		}
		out["step"] = w[0]
		line, _ := json.Marshal(out)
		fmt.Println(string(line))
	}
	c.Close()
}
