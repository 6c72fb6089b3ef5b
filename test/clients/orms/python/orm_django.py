"""Django: migrations of its own applications and of one made here, its queries, inspectdb."""
import datetime
import decimal
import io
import os
import sys
import tempfile

try:
    import MySQLdb  # noqa: F401
except ImportError:
    import pymysql

    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()

import django
from django.conf import settings

MODELS = """
from django.db import models

class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)
    big = models.BigIntegerField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    meta = models.JSONField(default=dict)
    at = models.DateTimeField(null=True)
    image = models.BinaryField(null=True)
    is_old = models.BooleanField(default=False)

class Book(models.Model):
    title = models.CharField(max_length=50, db_index=True)
    author = models.ForeignKey(Author, models.CASCADE, to_field="name", related_name="books")
    tags = models.ManyToManyField("Tag")

class Tag(models.Model):
    label = models.CharField(max_length=20)
    class Meta:
        db_table = "library_label"
"""

def main(folder):
    os.makedirs(os.path.join(folder, "library", "migrations"))
    for part in ("", "migrations"):
        open(os.path.join(folder, "library", part, "__init__.py"), "w").close()
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    with open(os.path.join(folder, "library", "models.py"), "w") as file:
        file.write(MODELS)
    database = dict(
        ENGINE="django.db.backends.mysql",
        NAME="test",
        USER=os.environ["DB_USER"],
        PASSWORD=os.environ["DB_PASSWORD"],
        HOST=os.environ["DB_HOST"],
        PORT=os.environ["DB_PORT"],
    )
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=[f"django.contrib.{app}" for app in ("admin", "auth", "contenttypes", "messages", "sessions", "sites")]
        + ["library"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        SECRET_KEY="x",
    )
    django.setup()
    from django.core.management import call_command
    from django.db import IntegrityError, connection, models, transaction

    call_command("makemigrations", "library", verbosity=0)
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    with open(os.path.join(folder, "library", "migrations", "0002_second.py"), "w") as file:
        file.write(
            """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("library", "0001_initial")]
    operations = [
        migrations.RenameField("Author", "name", "full_name"),
        migrations.AlterField("Author", "full_name", models.CharField(max_length=120, unique=True)),
        migrations.AddField("Book", "pages", models.IntegerField(default=7)),
        migrations.AlterField("Book", "pages", models.BigIntegerField(null=True)),
        migrations.AddIndex("Book", models.Index(fields=["author", "-title"], name="book_by_author")),
        migrations.RemoveIndex("Book", "book_by_author"),
        migrations.AlterField("Tag", "label", models.TextField(db_comment="what is written")),
        migrations.AlterModelTable("Tag", "library_moved"),
        migrations.AlterModelTable("Tag", "library_label"),
        migrations.AddConstraint("Tag", models.CheckConstraint(condition=~models.Q(label=""), name="has_label")),
        migrations.RemoveField("Book", "pages"),
        migrations.RenameField("Author", "full_name", "name"),
    ]
"""
        )
    call_command("migrate", verbosity=0)
    out = io.StringIO()
    call_command("inspectdb", "library_book", "library_author", stdout=out)
    assert 'to_field=\'name\'' in out.getvalue() or 'to_field="name"' in out.getvalue(), out.getvalue()

    from library.models import Author, Book, Tag

    at = datetime.datetime(2024, 2, 29, 12, 34, 56, 123456, datetime.timezone.utc)
    ann = Author.objects.create(
        name="ann", big=2**63 - 1, price=decimal.Decimal("12.3456"), meta={"a": [1, True], "b": None}, at=at, image=b"\0\xff"
    )
    ann.refresh_from_db()
    assert (ann.big, ann.price, ann.meta, ann.at) == (2**63 - 1, decimal.Decimal("12.3456"), {"a": [1, True], "b": None}, at)
    assert (bytes(ann.image), ann.is_old) == (b"\0\xff", False)
    assert Author.objects.filter(meta__a__0=1, meta__a__1=True, meta__b=None, at__year=2024).count() == 1
    Author.objects.bulk_create(
        [Author(name="ann", big=1), Author(name="bob", big=2)], update_conflicts=True, update_fields=["big"]
    )
    assert list(Author.objects.order_by("name").values_list("name", "big")) == [("ann", 1), ("bob", 2)]
    book = Book.objects.create(title="one", author=ann)
    book.tags.set([Tag.objects.create(label="x"), Tag.objects.create(label="y")])
    found = Book.objects.select_related("author").prefetch_related("tags").get()
    assert (found.author.name, [tag.label for tag in found.tags.all()]) == ("ann", ["x", "y"])
    best = Book.objects.filter(author=models.OuterRef("name")).order_by("-id").values("title")[:1]
    counted = Author.objects.annotate(last=models.Subquery(best)).values("last").annotate(n=models.Count("id")).order_by("last")
    assert [(row["last"], row["n"]) for row in counted] == [(None, 1), ("one", 1)]
    Author.objects.filter(name="bob").update(big=models.F("big") + 5)
    assert Author.objects.get_or_create(name="bob")[0].big == 7

    for wrong in (lambda: Author.objects.create(name="ann"), lambda: Tag.objects.create(label="")):
        try:
            with transaction.atomic():
                wrong()
            raise AssertionError("no error")
        except IntegrityError:
            pass
    with transaction.atomic():
        list(Author.objects.select_for_update(skip_locked=True))
        Tag.objects.create(label="outer")
        try:
            with transaction.atomic():
                Tag.objects.create(label="inner")
                raise KeyError
        except KeyError:
            pass
    assert sorted(tag.label for tag in Tag.objects.all()) == ["outer", "x", "y"]
    Author.objects.filter(name="ann").delete()
    assert Book.objects.count() == 0
    assert [tag.label for tag in Tag.objects.order_by("-label").iterator(chunk_size=1)] == ["y", "x", "outer"]
    call_command("migrate", "library", "zero", verbosity=0)
    assert "library_book" not in connection.introspection.table_names()
    print("ok")


with tempfile.TemporaryDirectory() as own:
    main(own)
