// GORM: AutoMigrate, associations, upserts, transactions.
package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

type Company struct {
	Code string `gorm:"primaryKey;size:20"`
	Name string
}

type Language struct {
	Code string `gorm:"primaryKey;size:10"`
}

type Account struct {
	ID     uint
	UserID uint `gorm:"uniqueIndex"`
	Number string
}

type User struct {
	gorm.Model
	Name        string `gorm:"size:100;uniqueIndex;comment:it's"`
	Big         uint64
	Price       string         `gorm:"type:decimal(12,4);default:1.5"`
	Meta        map[string]any `gorm:"serializer:json;type:json"`
	At          *time.Time     `gorm:"precision:6"`
	Old         bool           `gorm:"not null;default:false;index:by_age,priority:1"`
	CompanyCode *string        `gorm:"size:20"`
	Company     *Company
	Account     Account
	Languages   []Language `gorm:"many2many:go_user_languages"`
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("found %#v, expected %#v", found, expected))
	}
}

func expectNumber(err error, number uint16) {
	var failure *driver.MySQLError
	if !errors.As(err, &failure) || failure.Number != number {
		panic(fmt.Sprintf("error %v, expected %d", err, number))
	}
}

func (Company) TableName() string  { return "go_companies" }
func (Language) TableName() string { return "go_languages" }
func (Account) TableName() string  { return "go_accounts" }
func (User) TableName() string     { return "go_users" }

func main() {
	dsn := fmt.Sprintf("%s:%s@tcp(%s:%s)/test?charset=utf8mb4&parseTime=True&loc=UTC",
		os.Getenv("DB_USER"), os.Getenv("DB_PASSWORD"), os.Getenv("DB_HOST"), os.Getenv("DB_PORT"))
	db, err := gorm.Open(mysql.Open(dsn), &gorm.Config{Logger: logger.Discard})
	check(err)
	models := []any{&Company{}, &Language{}, &User{}, &Account{}}
	check(db.Migrator().DropTable(append(models, "go_user_languages")...))
	check(db.AutoMigrate(models...))
	definition := func() (name, text string) {
		check(db.Raw("SHOW CREATE TABLE go_users").Row().Scan(&name, &text))
		return
	}
	_, before := definition()
	check(db.AutoMigrate(models...))
	_, after := definition()
	expect(after, before)

	type Wider struct {
		More int64 `gorm:"index"`
	}
	wider := db.Table("go_users").Migrator()
	check(db.Table("go_users").AutoMigrate(&Wider{}))
	expect(wider.HasColumn("go_users", "more"), true)
	check(wider.RenameColumn("go_users", "more", "other"))
	check(wider.DropColumn("go_users", "other"))
	check(db.Migrator().RenameColumn(&Company{}, "code", "key"))
	check(db.Migrator().RenameColumn(&Company{}, "key", "code"))

	at := time.Date(2024, 2, 29, 12, 34, 56, 123456000, time.UTC)
	ann := User{Name: "ann", Big: 1<<64 - 1, Meta: map[string]any{"a": "x"}, At: &at, Company: &Company{Code: "c", Name: "first"},
		Account: Account{Number: "1"}, Languages: []Language{{Code: "de"}, {Code: "fr"}}}
	check(db.Create(&ann).Error)
	var found User
	check(db.Preload(clause.Associations).First(&found, "name = ?", "ann").Error)
	expect(found.Big, uint64(1<<64-1))
	expect([]any{found.Price, found.Meta["a"], found.Company.Name, found.Account.Number, len(found.Languages)},
		[]any{"1.5000", "x", "first", "1", 2})
	expect(found.At.Equal(at), true)

	// The association is there already, in part: the new rows' ids must be their own.
	check(db.Model(&ann).Association("Languages").Append(&Language{Code: "fr"}, &Language{Code: "it"}))
	expect(db.Model(&ann).Association("Languages").Count(), int64(3))
	check(db.Clauses(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"big"})}).
		Create(&[]User{{Name: "ann", Big: 7}, {Name: "bob", Big: 8}}).Error)
	var bigs []uint64
	check(db.Model(&User{}).Order("name").Limit(2).Offset(0).Pluck("big", &bigs).Error)
	expect(bigs, []uint64{7, 8})
	expectNumber(db.Create(&User{Name: "ann"}).Error, 1062)
	expectNumber(db.Exec("INSERT INTO go_accounts (user_id) VALUES (999)").Error, 1452)

	check(db.Transaction(func(outer *gorm.DB) error {
		check(outer.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Find(&[]User{}).Error)
		inner := outer.Transaction(func(nested *gorm.DB) error {
			check(nested.Create(&Language{Code: "inner"}).Error)
			return errors.New("taken back")
		})
		expect(inner.Error(), "taken back")
		return outer.Create(&Language{Code: "outer"}).Error
	}))
	var codes []string
	check(db.Model(&Language{}).Order("code").Pluck("code", &codes).Error)
	expect(codes, []string{"de", "fr", "it", "outer"})

	check(db.Where("name = ?", "bob").Delete(&User{}).Error)
	var count int64
	check(db.Model(&User{}).Count(&count).Error)
	expect(count, int64(1))
	check(db.Migrator().DropTable(append(models, "go_user_languages")...))
	fmt.Println("ok")
}
