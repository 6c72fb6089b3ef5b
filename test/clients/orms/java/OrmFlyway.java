// Flyway: scripts with several rows in an INSERT, a migration that fails and is repaired, three migrators at once.
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationState;

public class OrmFlyway {
  static final String URL = "jdbc:mysql://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/test?sslMode=DISABLED&allowPublicKeyRetrieval=true";
  static final String USER = System.getenv("DB_USER");
  static final String PASSWORD = System.getenv("DB_PASSWORD");

  static void equal(Object actual, Object expected) {
    if (!actual.equals(expected)) throw new AssertionError(actual + " is not " + expected);
  }

  public static void main(String[] args) throws Exception {
    try (var connection = DriverManager.getConnection(URL, USER, PASSWORD); var statement = connection.createStatement()) {
      statement.execute("DROP VIEW IF EXISTS fly_v");
      statement.execute("DROP TABLE IF EXISTS fly_history, fly_order, fly_customer");
    }
    Path folder = Files.createTempDirectory("p2pdb-flyway-");
    try {
      run(folder);
    } finally {
      for (var file : folder.toFile().listFiles()) file.delete();
      Files.delete(folder);
    }
    System.out.println("ok");
  }

  static void run(Path folder) throws Exception {
    Files.writeString(folder.resolve("V1__init.sql"), """
        CREATE TABLE `fly_customer` (
          `id` bigint unsigned NOT NULL AUTO_INCREMENT,
          `name` varchar(100) NOT NULL,
          `doc` json DEFAULT NULL,
          PRIMARY KEY (`id`), UNIQUE KEY `by_name` (`name`)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='of all; and more';
        -- a comment ; with a semicolon
        INSERT INTO fly_customer (name, doc) VALUES ('O''Brien; x', '{"a": 1}'), ('${who}', NULL);
        /*!40000 ALTER TABLE `fly_customer` DISABLE KEYS */;
        """);
    Files.writeString(folder.resolve("V2__more.sql"), """
        CREATE TABLE fly_order (id int AUTO_INCREMENT PRIMARY KEY, customer_id bigint unsigned NOT NULL,
          CONSTRAINT fly_fk FOREIGN KEY (customer_id) REFERENCES fly_customer (id) ON DELETE CASCADE);
        ALTER TABLE fly_customer ADD COLUMN age tinyint unsigned NULL AFTER name, RENAME INDEX by_name TO names;
        """);
    Files.writeString(folder.resolve("R__view.sql"), "CREATE OR REPLACE VIEW fly_v AS SELECT name FROM fly_customer;");
    Path bad = folder.resolve("V3__bad.sql");
    Files.writeString(bad, "ALTER TABLE fly_order ADD COLUMN note text; ALTER TABLE fly_order ADD COLUMN note text;");

    // Three at once: one does it, the others wait for it and find it done.
    var workers = Executors.newFixedThreadPool(3);
    List<Callable<Integer>> migrators = new ArrayList<>();
    for (int i = 0; i < 3; i++) migrators.add(() -> flyway(folder, "2").migrate().migrationsExecuted);
    int executed = 0;
    for (var result : workers.invokeAll(migrators)) executed += result.get();
    workers.shutdown();
    equal(executed, 3);

    try {
      flyway(folder, "latest").migrate();
      throw new AssertionError("a script that fails passed");
    } catch (FlywayException e) {
      if (!e.getMessage().contains("Error Code : 1060")) throw e;
    }
    equal(states(folder), "1 SUCCESS,2 SUCCESS,3 FAILED,R SUCCESS");
    Files.writeString(bad, "ALTER TABLE fly_order ADD COLUMN other text;");
    flyway(folder, "latest").repair();
    equal(flyway(folder, "latest").migrate().migrationsExecuted, 1);
    flyway(folder, "latest").validate();
    equal(states(folder), "1 SUCCESS,2 SUCCESS,3 SUCCESS,R SUCCESS");

    try (var connection = DriverManager.getConnection(URL, USER, PASSWORD); var statement = connection.createStatement()) {
      ResultSet rows = statement.executeQuery("SELECT GROUP_CONCAT(name ORDER BY id) FROM fly_v JOIN fly_customer USING (name)");
      rows.next();
      equal(rows.getString(1), "O'Brien; x,me");
    }
  }

  static String states(Path folder) {
    return Arrays.stream(flyway(folder, "latest").info().all()).filter(info -> info.getState() != MigrationState.BASELINE)
        .map(info -> (info.isVersioned() ? info.getVersion() : "R") + " " + info.getState()).sorted().collect(Collectors.joining(","));
  }

  static Flyway flyway(Path folder, String target) {
    return Flyway.configure().dataSource(URL, USER, PASSWORD).locations("filesystem:" + folder).table("fly_history")
        .placeholders(Map.of("who", "me")).baselineOnMigrate(true).baselineVersion("0").target(target).load();
  }
}
