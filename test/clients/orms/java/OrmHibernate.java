// Hibernate: schema creation, validation and update; generated keys, JSON, enums, UUIDs, batches, locks, versions, HQL.
import jakarta.persistence.CascadeType;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.FetchType;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.Index;
import jakarta.persistence.Inheritance;
import jakarta.persistence.InheritanceType;
import jakarta.persistence.Lob;
import jakarta.persistence.LockModeType;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.OneToMany;
import jakarta.persistence.OptimisticLockException;
import jakarta.persistence.SequenceGenerator;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.hibernate.LockMode;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.boot.registry.BootstrapServiceRegistryBuilder;
import org.hibernate.cfg.Configuration;
import org.hibernate.exception.ConstraintViolationException;
import org.hibernate.type.SqlTypes;

public class OrmHibernate {
  public enum Color { RED, GREEN, BLUE }

  @Entity(name = "HibPerson")
  @Table(name = "hib_person", indexes = @Index(name = "hib_ix", columnList = "name, born desc"))
  public static class Person {
    @Id @GeneratedValue(strategy = GenerationType.SEQUENCE, generator = "seq")
    @SequenceGenerator(name = "seq", sequenceName = "hib_seq", allocationSize = 10)
    public Long id;
    @Column(nullable = false, length = 100, unique = true) public String name;
    public LocalDate born;
    public LocalDateTime at;
    public Instant instant;
    @Enumerated(EnumType.STRING) public Color color;
    @Enumerated(EnumType.ORDINAL) public Color other;
    public UUID uuid;
    public boolean active;
    public BigDecimal money;
    public byte[] bytes;
    @Lob public String text;
    @JdbcTypeCode(SqlTypes.JSON) public Map<String, String> doc;
    @Version public int version;
    @OneToMany(mappedBy = "owner", cascade = CascadeType.ALL, orphanRemoval = true) public List<Pet> pets = new ArrayList<>();
  }

  @Entity(name = "HibPet")
  @Table(name = "hib_pet")
  @Inheritance(strategy = InheritanceType.JOINED)
  public static class Pet {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) public Long id;
    public String name;
    @ManyToOne(fetch = FetchType.LAZY) public Person owner;
  }

  @Entity(name = "HibDog")
  @Table(name = "hib_dog")
  public static class Dog extends Pet {
    public String bark;
  }

  static final String URL = "jdbc:mysql://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/test?sslMode=DISABLED&allowPublicKeyRetrieval=true";
  static SessionFactory factory;

  static SessionFactory build(String mode) {
    // The classes of a program that runs from its source are with its own loader.
    var loaders = new BootstrapServiceRegistryBuilder().applyClassLoader(OrmHibernate.class.getClassLoader()).build();
    return new Configuration(loaders).addAnnotatedClass(Person.class).addAnnotatedClass(Pet.class).addAnnotatedClass(Dog.class)
        .setProperty("hibernate.connection.url", URL)
        .setProperty("hibernate.connection.username", System.getenv("DB_USER"))
        .setProperty("hibernate.connection.password", System.getenv("DB_PASSWORD"))
        .setProperty("hibernate.connection.pool_size", "4")
        .setProperty("hibernate.hbm2ddl.auto", mode)
        .setProperty("hibernate.hbm2ddl.halt_on_error", mode.equals("create") ? "false" : "true")
        .setProperty("hibernate.type.json_format_mapper", Json.class.getName())
        .setProperty("hibernate.jdbc.batch_size", "20").buildSessionFactory();
  }

  /** One entry alone, so that no library for JSON is needed. */
  public static class Json implements org.hibernate.type.format.FormatMapper {
    public <T> T fromString(CharSequence text, org.hibernate.type.descriptor.java.JavaType<T> type, org.hibernate.type.descriptor.WrapperOptions options) {
      var entry = java.util.regex.Pattern.compile("\\{\"(\\w+)\": ?\"(\\w+)\"}").matcher(text);
      if (!entry.matches()) throw new AssertionError(text);
      return type.wrap(Map.of(entry.group(1), entry.group(2)), options);
    }

    public <T> String toString(T value, org.hibernate.type.descriptor.java.JavaType<T> type, org.hibernate.type.descriptor.WrapperOptions options) {
      var entry = ((Map<?, ?>) value).entrySet().iterator().next();
      return "{\"" + entry.getKey() + "\":\"" + entry.getValue() + "\"}";
    }
  }

  static void equal(Object actual, Object expected) {
    if (!actual.equals(expected)) throw new AssertionError(actual + " is not " + expected);
  }

  static <T> T transaction(Function<Session, T> work) {
    return factory.fromTransaction(work);
  }

  static Person person(int i) {
    var person = new Person();
    person.name = "n" + i;
    person.born = LocalDate.of(2000, 1, 1).plusDays(i);
    person.at = LocalDateTime.of(2020, 1, 1, 1, 2, 3, 123456000);
    person.instant = Instant.parse("2020-01-01T00:00:00.123456Z");
    person.color = Color.values()[i % 3];
    person.other = person.color;
    person.uuid = new UUID(1, i);
    person.active = i % 2 == 0;
    person.money = new BigDecimal("12.34");
    person.bytes = new byte[] {0, 1, (byte) 0xff};
    person.text = "ü😀".repeat(1000);
    person.doc = Map.of("a", "v" + i);
    var dog = new Dog();
    dog.name = "d" + i;
    dog.bark = "w";
    dog.owner = person;
    person.pets.add(dog);
    return person;
  }

  public static void main(String[] args) {
    Logger.getLogger("org.hibernate").setLevel(Level.OFF);
    for (String mode : List.of("create", "validate", "update", "validate")) {
      if (factory != null) factory.close();
      factory = build(mode);
    }
    transaction(s -> {
      for (int i = 0; i < 50; i++) s.persist(person(i));
      return null;
    });
    transaction(s -> {
      var p = s.createQuery("from HibPerson p where p.name = 'n5'", Person.class).getSingleResult();
      equal(p.at + " " + p.instant + " " + p.color + p.other + " " + p.uuid + " " + p.active + " " + p.money + " " + Arrays.toString(p.bytes) + " " + p.doc,
          "2020-01-01T01:02:03.123456 2020-01-01T00:00:00.123456Z BLUEBLUE 00000000-0000-0001-0000-000000000005 false 12.34 [0, 1, -1] {a=v5}");
      equal(p.text, "ü😀".repeat(1000));
      equal(p.pets.size(), 1);
      equal(s.createQuery("select p.name from HibPerson p order by p.id", String.class).setFirstResult(10).setMaxResults(2).list(), List.of("n10", "n11"));
      equal(s.createQuery("select p.color, count(*), sum(p.money) from HibPerson p group by p.color order by p.color", Object[].class).list().stream().map(Arrays::toString).toList(),
          List.of("[BLUE, 16, 197.44]", "[GREEN, 17, 209.78]", "[RED, 17, 209.78]"));
      equal(s.createQuery("with x as (select p.id id, p.name name from HibPerson p where p.id < 3) select x.name from x x order by x.id", String.class).list(), List.of("n0", "n1"));
      equal(s.createQuery("select d.name, row_number() over (order by d.id desc) from HibDog d order by 2 limit 1", Object[].class).getSingleResult()[0], "d49");
      equal(s.createNativeQuery("select name from hib_person where json_contains(doc, '\"v7\"', '$.a')", String.class).list(), List.of("n7"));
      return null;
    });
    transaction(s -> {
      for (var p : s.createQuery("from HibPerson p where p.active", Person.class).list()) p.money = p.money.add(BigDecimal.ONE);
      return null;
    });
    // Of joined tables: by a temporary table, or tables of Hibernate's own.
    equal(transaction(s -> s.createMutationQuery("update HibDog d set d.bark = 'x', d.name = concat(d.name, '!') where d.owner.id < 5").executeUpdate()), 4);
    equal(transaction(s -> s.createMutationQuery("delete HibDog d where d.owner.id < 3").executeUpdate()), 2);
    equal(transaction(s -> s.createMutationQuery("update versioned HibPerson p set p.money = 0 where p.id = 1").executeUpdate()), 1);
    equal(transaction(s -> s.find(Person.class, 1L).version), 2);

    transaction(s -> {
      s.find(Person.class, 7L, LockModeType.PESSIMISTIC_WRITE);
      equal(transaction(other -> other.createQuery("select p.id from HibPerson p where p.id in (7, 8)", Long.class)
          .setHibernateLockMode(LockMode.UPGRADE_SKIPLOCKED).list()), List.of(8L));
      return null;
    });
    try {
      transaction(s -> {
        var mine = s.find(Person.class, 9L);
        transaction(other -> other.find(Person.class, 9L).name = "other");
        mine.name = "mine";
        return null;
      });
      throw new AssertionError("two changes of one version passed");
    } catch (OptimisticLockException e) {
      equal(transaction(s -> s.find(Person.class, 9L).name), "other");
    }
    try {
      transaction(s -> {
        s.persist(person(1));
        return null;
      });
      throw new AssertionError("a duplicate passed");
    } catch (ConstraintViolationException e) {
      equal(e.getKind() + " " + e.getErrorCode(), "UNIQUE 1062");
    }
    transaction(s -> {
      s.remove(s.find(Person.class, 20L));
      return null;
    });
    equal(transaction(s -> s.createQuery("select count(*) from HibPerson", Long.class).getSingleResult()), 49L);
    factory.close();
    factory = build("create-drop");
    factory.close();
    System.out.println("ok");
  }
}
