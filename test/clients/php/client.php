<?php
// The common scenario with PDO (prepared on the server), and long data in parts with mysqli.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$host = getenv('DB_HOST');
$port = (int) getenv('DB_PORT');
$options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
if (getenv('DB_TLS')) {
    $options[PDO::MYSQL_ATTR_SSL_CA] = getenv('DB_CA');
    $options[PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT] = false;
}
if (getenv('DB_COMPRESS')) {
    $options[PDO::MYSQL_ATTR_COMPRESS] = true;
}
$pdo = new PDO("mysql:host=$host;port=$port;dbname=test;charset=utf8mb4", getenv('DB_USER'), getenv('DB_PASSWORD'), $options);
$pdo->exec('DROP TABLE IF EXISTS clients_t');
$pdo->exec('CREATE TABLE clients_t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(100), d DECIMAL(10,2), dt DATETIME(6), b LONGBLOB, n BIGINT)');
$pdo->beginTransaction();
$insert = $pdo->prepare('INSERT INTO clients_t (s, d, dt, b, n) VALUES (?, ?, ?, ?, ?)');
$insert->bindValue(1, 'Grüße 🙂');
$insert->bindValue(2, '12.50');
$insert->bindValue(3, '2024-02-29 12:34:56.123456');
$insert->bindValue(4, "\x00\xff\x10", PDO::PARAM_LOB);
$insert->bindValue(5, 9007199254740993, PDO::PARAM_INT);
$insert->execute();
$id = (int) $pdo->lastInsertId();
$pdo->commit();
$select = $pdo->prepare('SELECT id, s, d, dt, b, n FROM clients_t WHERE id > ? ORDER BY id');
$select->execute([0]);
$rows = [];
foreach ($select->fetchAll(PDO::FETCH_NUM) as $row) {
    $rows[] = [$row[0], $row[1], $row[2], $row[3], bin2hex($row[4]), (string) $row[5]];
}
$error = 0;
try {
    $pdo->query('SELECT * FROM missing_table');
} catch (PDOException $problem) {
    $error = $problem->errorInfo[1];
}
if (!getenv('DB_TLS')) {
    $mysqli = new mysqli($host, getenv('DB_USER'), getenv('DB_PASSWORD'), 'test', $port);
    $statement = $mysqli->prepare('INSERT INTO clients_t (s, d, dt, b, n) VALUES (?, ?, ?, ?, ?)');
    [$s, $d, $dt, $b, $n] = ['long', '1.00', '2024-01-01', null, 1];
    $statement->bind_param('sssbi', $s, $d, $dt, $b, $n);
    $statement->send_long_data(3, str_repeat('a', 100000));
    $statement->send_long_data(3, str_repeat('b', 100000));
    $statement->execute();
    $statement->close();
    $mysqli->query('UPDATE clients_t SET n = n WHERE id < 0');
    if ($mysqli->info !== 'Rows matched: 0  Changed: 0  Warnings: 0') {
        throw new Exception("info: $mysqli->info");
    }
    $mysqli->close();
}
echo json_encode(['insertId' => $id, 'rows' => $rows, 'error' => $error], JSON_UNESCAPED_UNICODE), "\n";
