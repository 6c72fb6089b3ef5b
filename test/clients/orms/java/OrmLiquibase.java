// Liquibase: change sets over information_schema, preconditions, rollback, a change log made from the database.
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import liquibase.Scope;
import liquibase.command.CommandScope;
import liquibase.resource.DirectoryResourceAccessor;
import liquibase.ui.LoggerUIService;

public class OrmLiquibase {
  static final String URL = "jdbc:mysql://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/test?sslMode=DISABLED&allowPublicKeyRetrieval=true";
  static final String USER = System.getenv("DB_USER");
  static final String PASSWORD = System.getenv("DB_PASSWORD");
  static final Logger QUIET = Logger.getLogger("liquibase");
  static final String LOG = """
      <?xml version="1.0" encoding="UTF-8"?>
      <databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"
          xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
          xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
        <changeSet id="1" author="a">
          <createTable tableName="liq_person" remarks="people">
            <column name="id" type="bigint" autoIncrement="true"><constraints primaryKey="true"/></column>
            <column name="name" type="varchar(100)" defaultValue="x"><constraints nullable="false"/></column>
            <column name="born" type="date"/>
            <column name="active" type="boolean" defaultValueBoolean="true"/>
            <column name="n" type="number(10,2)" defaultValueNumeric="1.5" remarks="n's"/>
          </createTable>
          <createTable tableName="liq_address">
            <column name="id" type="int"><constraints primaryKey="true"/></column>
            <column name="person_id" type="bigint">
              <constraints nullable="false" foreignKeyName="liq_fk" references="liq_person(id)"/>
            </column>
            <column name="street" type="varchar(200)"/>
          </createTable>
        </changeSet>
        <changeSet id="2" author="a">
          <loadData tableName="liq_person" file="people.csv"/>
          <rollback/>
        </changeSet>
        <changeSet id="3" author="a">
          <addColumn tableName="liq_person">
            <column name="email" type="varchar(255)" afterColumn="name"><constraints unique="true" uniqueConstraintName="liq_uq"/></column>
          </addColumn>
          <createIndex tableName="liq_person" indexName="liq_ix"><column name="name"/><column name="born" descending="true"/></createIndex>
        </changeSet>
        <changeSet id="4" author="a">
          <preConditions onFail="MARK_RAN">
            <and>
              <tableExists tableName="liq_person"/>
              <columnExists tableName="liq_person" columnName="email"/>
              <foreignKeyConstraintExists foreignKeyName="liq_fk" foreignKeyTableName="liq_address"/>
              <indexExists indexName="liq_ix" tableName="liq_person"/>
              <primaryKeyExists tableName="liq_person"/>
            </and>
          </preConditions>
          <renameColumn tableName="liq_person" oldColumnName="born" newColumnName="birth" columnDataType="date"/>
          <addNotNullConstraint tableName="liq_address" columnName="street" columnDataType="varchar(200)" defaultNullValue="?"/>
          <createView viewName="liq_view">select p.name, a.street from liq_person p left join liq_address a on a.person_id = p.id</createView>
        </changeSet>
      </databaseChangeLog>
      """;

  static void equal(Object actual, Object expected) {
    if (!actual.equals(expected)) throw new AssertionError(actual + " is not " + expected);
  }

  public static void main(String[] args) throws Exception {
    QUIET.setLevel(Level.OFF);
    try (var connection = DriverManager.getConnection(URL, USER, PASSWORD); var statement = connection.createStatement()) {
      statement.execute("DROP VIEW IF EXISTS liq_view");
      statement.execute("DROP TABLE IF EXISTS liq_address, liq_person, DATABASECHANGELOG, DATABASECHANGELOGLOCK");
    }
    Path folder = Files.createTempDirectory("p2pdb-liquibase-");
    try {
      Files.writeString(folder.resolve("log.xml"), LOG);
      Files.writeString(folder.resolve("people.csv"), "name,active\nbob,true\nal,false\n");
      run(folder, "update", Map.of("changelogFile", "log.xml"));
      equal(shape(), "id,name,email,birth,active,n bob,al 4");
      run(folder, "update", Map.of("changelogFile", "log.xml"));
      run(folder, "generateChangelog", Map.of("changelogFile", folder.resolve("made.xml").toString()));
      String made = Files.readString(folder.resolve("made.xml"));
      for (String part : new String[] {"liq_fk", "liq_ix", "viewName=\"liq_view\"", "n's", "defaultValueNumeric=\"1.50\""})
        if (!made.contains(part)) throw new AssertionError(part + " is not in " + made);
      run(folder, "rollbackCount", Map.of("changelogFile", "log.xml", "count", 1));
      equal(shape(), "id,name,email,born,active,n bob,al 3");
    } finally {
      for (var file : folder.toFile().listFiles()) file.delete();
      Files.delete(folder);
    }
    System.out.println("ok");
  }

  /** Columns and rows of the table, and how many change sets count as run. */
  static String shape() throws Exception {
    try (var connection = DriverManager.getConnection(URL, USER, PASSWORD); var statement = connection.createStatement()) {
      var rows = statement.executeQuery("""
          SELECT CONCAT_WS(' ', (SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position) FROM information_schema.columns
            WHERE table_schema = 'test' AND table_name = 'liq_person'),
            (SELECT GROUP_CONCAT(name ORDER BY id) FROM liq_person), (SELECT COUNT(*) FROM DATABASECHANGELOG WHERE EXECTYPE = 'EXECUTED'))""");
      rows.next();
      return rows.getString(1);
    }
  }

  static void run(Path folder, String command, Map<String, Object> more) throws Exception {
    var settings = Map.<String, Object>of(Scope.Attr.resourceAccessor.name(), new DirectoryResourceAccessor(folder), Scope.Attr.ui.name(), new LoggerUIService());
    Scope.child(settings, () -> {
      var scope = new CommandScope(command);
      scope.addArgumentValue("url", URL).addArgumentValue("username", USER).addArgumentValue("password", PASSWORD);
      for (var entry : more.entrySet()) scope.addArgumentValue(entry.getKey(), entry.getValue());
      scope.setOutput(OutputStream.nullOutputStream());
      scope.execute();
    });
  }
}
