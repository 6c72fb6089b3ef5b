// The common scenario with JDBC: server-side prepared statements, a cursor that fetches two rows at a time, a batch.
import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.Properties;

public class Client {
  public static void main(String[] args) throws Exception {
    String scheme = args[0];
    Properties properties = new Properties();
    properties.put("user", System.getenv("DB_USER"));
    properties.put("password", System.getenv("DB_PASSWORD"));
    properties.put("useServerPrepStmts", "true");
    properties.put("useCursorFetch", "true");
    boolean tls = System.getenv("DB_TLS") != null;
    properties.put("sslMode", tls ? (scheme.equals("mysql") ? "REQUIRED" : "trust") : (scheme.equals("mysql") ? "DISABLED" : "disable"));
    properties.put("allowPublicKeyRetrieval", "true");
    properties.put("connectionTimeZone", "UTC");
    properties.put("timezone", "UTC");
    if (System.getenv("DB_COMPRESS") != null) properties.put("useCompression", "true");
    String url = "jdbc:" + scheme + "://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/test";
    long id;
    StringBuilder rows = new StringBuilder();
    int error = 0;
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("DROP TABLE IF EXISTS clients_t");
        statement.execute("CREATE TABLE clients_t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(100), d DECIMAL(10,2), dt DATETIME(6), b BLOB, n BIGINT)");
      }
      connection.setAutoCommit(false);
      try (PreparedStatement insert = connection.prepareStatement(
          "INSERT INTO clients_t (s, d, dt, b, n) VALUES (?, ?, ?, ?, ?)", Statement.RETURN_GENERATED_KEYS)) {
        insert.setString(1, "Grüße 🙂");
        insert.setBigDecimal(2, new BigDecimal("12.50"));
        insert.setObject(3, LocalDateTime.of(2024, 2, 29, 12, 34, 56, 123456000));
        // Sent with COM_STMT_SEND_LONG_DATA by MySQL's driver.
        insert.setBinaryStream(4, new ByteArrayInputStream(new byte[] {0, (byte) 255, 16}));
        insert.setLong(5, 9007199254740993L);
        insert.executeUpdate();
        try (ResultSet keys = insert.getGeneratedKeys()) {
          keys.next();
          id = keys.getLong(1);
        }
      }
      connection.commit();
      connection.setAutoCommit(true);
      try (PreparedStatement select = connection.prepareStatement("SELECT id, s, d, dt, b, n FROM clients_t WHERE id > ? ORDER BY id")) {
        select.setFetchSize(2);
        select.setInt(1, 0);
        try (ResultSet result = select.executeQuery()) {
          while (result.next()) {
            if (rows.length() > 0) rows.append(", ");
            LocalDateTime dt = result.getObject(4, LocalDateTime.class);
            rows.append(String.format("[%d, \"%s\", \"%s\", \"%s\", \"%s\", \"%d\"]", result.getInt(1), result.getString(2), result.getBigDecimal(3).toPlainString(),
                dt.format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSSSSS")), HexFormat.of().formatHex(result.getBytes(5)), result.getLong(6)));
          }
        }
      }
      try (Statement statement = connection.createStatement()) {
        statement.executeQuery("SELECT * FROM missing_table");
      } catch (SQLException problem) {
        error = problem.getErrorCode();
      }
    }
    System.out.write(String.format("{\"insertId\": %d, \"rows\": [%s], \"error\": %d}%n", id, rows, error).getBytes("UTF-8"));
    System.out.flush();
  }
}
