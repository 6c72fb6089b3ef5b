"""The common scenario with a DB-API driver: PyMySQL or mysqlclient."""
import datetime
import decimal
import json
import os
import sys

driver = sys.argv[1]
if driver == "pymysql":
    import pymysql as mysql
else:
    import MySQLdb as mysql

options = dict(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    database="test",
    charset="utf8mb4",
)
if os.environ.get("DB_TLS"):
    options["ssl"] = {"ca": os.environ["DB_CA"]}
    if driver != "pymysql":
        options["ssl_mode"] = "REQUIRED"
connection = mysql.connect(**options)
cursor = connection.cursor()
cursor.execute("DROP TABLE IF EXISTS clients_t")
cursor.execute(
    "CREATE TABLE clients_t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(100), d DECIMAL(10,2), dt DATETIME(6), b BLOB, n BIGINT)"
)
cursor.execute(
    "INSERT INTO clients_t (s, d, dt, b, n) VALUES (%s, %s, %s, %s, %s)",
    (
        "Grüße 🙂",
        decimal.Decimal("12.50"),
        datetime.datetime(2024, 2, 29, 12, 34, 56, 123456),
        b"\x00\xff\x10",
        9007199254740993,
    ),
)
insert_id = cursor.lastrowid
connection.commit()
cursor.execute("SELECT id, s, d, dt, b, n FROM clients_t ORDER BY id")
rows = []
for id_, s, d, dt, b, n in cursor.fetchall():
    assert isinstance(d, decimal.Decimal), type(d)
    assert isinstance(dt, datetime.datetime), type(dt)
    assert isinstance(b, bytes), type(b)
    rows.append([id_, s, str(d), dt.strftime("%Y-%m-%d %H:%M:%S.%f"), b.hex(), str(n)])
try:
    cursor.execute("SELECT * FROM missing_table")
    error = 0
except mysql.Error as problem:
    error = problem.args[0]
# Exactly 16 MiB - 1 both ways, and around it: the packet that must be followed by an empty one.
lengths = []
for length in (0xFFFFFF - 40, 0xFFFFFF - 10, 0xFFFFFF - 9, 0xFFFFFF - 8, 0xFFFFFF + 40):
    cursor.execute("SELECT '" + "y" * length + "'")
    lengths.append(len(cursor.fetchone()[0]) - length)
cursor.close()
connection.close()
print(json.dumps({"insertId": insert_id, "rows": rows, "error": error, "more": lengths}))
