// Hibernate: what it reads of the table, whether it finds it right for each mapping (hbm2ddl.auto=validate), and what it
// would change (hbm2ddl.auto=update). HOST PORT SCHEMA [PORT SCHEMA …]
import java.io.ByteArrayInputStream;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.Map;
import java.util.TreeMap;
import org.hibernate.HibernateException;
import org.hibernate.cfg.Configuration;
import org.hibernate.dialect.Dialect;
import org.hibernate.dialect.MySQL5InnoDBDialect;
import org.hibernate.tool.hbm2ddl.DatabaseMetadata;
import org.hibernate.tool.hbm2ddl.TableMetadata;

public class HibernateSchema {
    static final String[] NAMES = {"id", "account_id", "transaction_type", "payment_method", "amount", "note", "n"};

    // A mapping of the table as an application of the old or the new schema version has it.
    static Configuration mapping(String column) {
        String xml = "<?xml version='1.0'?><!DOCTYPE hibernate-mapping PUBLIC '-//Hibernate/Hibernate Mapping DTD 3.0//EN' "
            + "'http://www.hibernate.org/dtd/hibernate-mapping-3.0.dtd'><hibernate-mapping>"
            + "<class entity-name='Transaction' table='transactions'><id name='id' type='long' column='id'>"
            + "<generator class='native'/></id><property name='account' column='account_id' type='int' not-null='true'/>"
            + "<property name='kind' type='string'><column name='" + column + "' length='20' not-null='true' index='k_type'/>"
            + "</property><property name='amount' column='amount' type='big_decimal' precision='12' scale='2' not-null='true'/>"
            + "<property name='note' column='note' type='string' length='60'/>"
            + "<property name='n' type='int'><column name='n' not-null='true' index='k_type'/></property></class></hibernate-mapping>";
        return new Configuration().addInputStream(new ByteArrayInputStream(xml.getBytes()));
    }

    static String verdict(String column, Dialect dialect, DatabaseMetadata database) {
        Configuration c = mapping(column);
        String changes = String.join("; ", c.generateSchemaUpdateScript(dialect, database));
        try {
            c.validateSchema(dialect, database);
            return "valid, to change: [" + changes + "]";
        } catch (HibernateException e) {
            return e.getMessage() + ", to change: [" + changes + "]";
        }
    }

    static void read(Connection c) throws Exception {
        Dialect dialect = new MySQL5InnoDBDialect();
        DatabaseMetadata database = new DatabaseMetadata(c, dialect);
        TableMetadata table = database.getTableMetadata("transactions", c.getCatalog(), null, false);
        System.out.println("transaction_type: " + verdict("transaction_type", dialect, database));
        System.out.println("payment_method: " + verdict("payment_method", dialect, database));
        for (String name : NAMES) {
            var m = table.getColumnMetadata(name);
            System.out.println(name + (m == null ? " is not there"
                : " " + m.getTypeName() + " " + m.getTypeCode() + " " + m.getColumnSize() + " " + m.getDecimalDigits() + " " + m.getNullable()));
        }
        for (String name : new String[] {"PRIMARY", "uq_account_note", "k_amount", "k_type"}) {
            var index = table.getIndexMetadata(name);
            System.out.print(name + ":");
            if (index != null)
                for (var column : index.getColumns()) System.out.print(" " + column.getName());
            System.out.println();
        }
    }

    public static void main(String[] args) throws Exception {
        for (int i = 1; i < args.length; i += 2) {
            System.out.println("== " + args[i + 1]);
            try (Connection c = DriverManager.getConnection("jdbc:mariadb://" + args[0] + ":" + args[i] + "/" + args[i + 1] + "?user=root&allowPublicKeyRetrieval=true")) {
                read(c);
            }
        }
    }
}
