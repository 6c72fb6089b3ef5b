"""SQLAlchemy's ORM and reflection; Alembic finds no difference after its own upgrade."""
import datetime
import decimal
import os

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


tagged = sa.Table(
    "sa_tagged",
    Base.metadata,
    sa.Column("post", sa.ForeignKey("sa_post.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.ForeignKey("sa_tag.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "sa_user"
    __table_args__ = (sa.Index("by_role", "role", "big"), {"comment": "it's"})
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    big: Mapped[int | None] = mapped_column(mysql.BIGINT(unsigned=True))
    price: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(12, 4), server_default="1.5000")
    meta: Mapped[dict | None] = mapped_column(sa.JSON)
    role: Mapped[str] = mapped_column(sa.Enum("a", "b", name="role"), server_default="a")
    at: Mapped[datetime.datetime | None] = mapped_column(mysql.DATETIME(fsp=6))
    image: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    is_old: Mapped[bool] = mapped_column(default=False)
    posts: Mapped[list["Post"]] = relationship(back_populates="user", cascade="all, delete-orphan")


class Post(Base):
    __tablename__ = "sa_post"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(50), index=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("sa_user.id", name="written_by"))
    user: Mapped[User] = relationship(back_populates="posts")
    tags: Mapped[list["Tag"]] = relationship(secondary=tagged)


class Tag(Base):
    __tablename__ = "sa_tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(sa.Text)


engine = sa.create_engine(
    sa.URL.create(
        "mysql+pymysql",
        os.environ["DB_USER"],
        os.environ["DB_PASSWORD"],
        os.environ["DB_HOST"],
        int(os.environ["DB_PORT"]),
        "test",
        {"charset": "utf8mb4"},
    )
)
Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)


def ours(_object, name, kind, _reflected, _compare_to):
    return kind != "table" or name.startswith("sa_")


with engine.connect() as connection:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": ours}
    )
    assert (found := compare_metadata(context, Base.metadata)) == [], found
    operations = Operations(context)
    operations.add_column("sa_post", sa.Column("body", sa.String(20), server_default="x", comment="c"))
    operations.alter_column("sa_post", "body", type_=sa.Text(), new_column_name="text", existing_type=sa.String(20), server_default=None)
    operations.create_index("both", "sa_post", ["title", "user_id"], unique=True)
    operations.drop_constraint("written_by", "sa_post", type_="foreignkey")
    assert [change[0] for change in compare_metadata(context, Base.metadata) if isinstance(change, tuple)] != []
    operations.create_foreign_key("written_by", "sa_post", "sa_user", ["user_id"], ["id"])
    operations.drop_index("both", "sa_post")
    operations.drop_column("sa_post", "text")
    operations.rename_table("sa_post", "sa_moved")
    operations.rename_table("sa_moved", "sa_post")
    assert (found := compare_metadata(context, Base.metadata)) == [], found

reflected = sa.MetaData()
reflected.reflect(engine, only=lambda name, _: name.startswith("sa_"))
assert sorted(reflected.tables) == ["sa_post", "sa_tag", "sa_tagged", "sa_user"]
assert reflected.tables["sa_user"].comment == "it's"
assert [fk.target_fullname for fk in reflected.tables["sa_post"].foreign_keys] == ["sa_user.id"]

at = datetime.datetime(2024, 2, 29, 12, 34, 56, 123456)
with Session(engine) as session:
    tags = [Tag(label="x"), Tag(label="y")]
    values = dict(big=2**64 - 1, meta={"a": [1, {"b": "x"}]}, at=at, image=b"\0\xff")
    session.add(User(name="ann", posts=[Post(title="one", tags=tags), Post(title="two")], **values))
    session.commit()
with Session(engine) as session:
    ann = session.scalars(sa.select(User).options(selectinload(User.posts).selectinload(Post.tags))).one()
    assert (ann.big, ann.price, ann.meta, ann.at) == (2**64 - 1, decimal.Decimal("1.5000"), values["meta"], at)
    assert (ann.role, ann.image, ann.is_old) == ("a", b"\0\xff", False)
    assert sorted(tag.label for post in ann.posts for tag in post.tags) == ["x", "y"]
    assert session.scalar(sa.select(User.id).where(User.meta["a"][1]["b"].as_string() == "x")) == ann.id

    insert = mysql.insert(User).values([{"name": "ann", "role": "b"}, {"name": "bob", "role": "b"}])
    session.execute(insert.on_duplicate_key_update(role=insert.inserted.role))
    assert session.execute(sa.select(User.role, sa.func.count()).group_by(User.role)).all() == [("b", 2)]
    session.rollback()
    # What a session begins with is taken back, too.
    session.add(User(name="eve"))
    session.flush()
    session.rollback()
    assert session.scalars(sa.select(User.name)).all() == ["ann"]
    for wrong, number in ((User(name="ann"), 1062), (Post(title="x", user_id=999), 1452)):
        try:
            with session.begin_nested():
                session.add(wrong)
            raise AssertionError("no error")
        except IntegrityError as error:
            assert error.orig.args[0] == number
    assert len(session.scalars(sa.select(User).with_for_update(skip_locked=True)).all()) == 1
    session.add(User(name="cid"))
    session.commit()
for level in ("READ COMMITTED", "SERIALIZABLE", "AUTOCOMMIT"):
    with engine.connect().execution_options(isolation_level=level) as connection:
        names = connection.execution_options(yield_per=1).execute(sa.select(User.name).order_by(User.name)).scalars().all()
        assert names == ["ann", "cid"], names
Base.metadata.drop_all(engine)
print("ok")
