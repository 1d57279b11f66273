// What tools like DBeaver read of a schema's tables: JDBC's DatabaseMetaData, and the queries that DBeaver adds for MySQL.
import java.sql.*;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

public class JdbcMetadata {
    // Estimates and times: not the same twice.
    static final Set<String> VOLATILE = Set.of("CARDINALITY", "PAGES", "TABLE_ROWS", "AVG_ROW_LENGTH", "DATA_LENGTH", "INDEX_LENGTH",
        "DATA_FREE", "AUTO_INCREMENT", "CREATE_TIME", "UPDATE_TIME", "CHECK_TIME", "MAX_DATA_LENGTH", "MAX_INDEX_LENGTH");

    static final String[] DBEAVER = {
        "SHOW FULL TABLES FROM `%s`",
        "SHOW FULL COLUMNS FROM `%s`.`items`",
        "SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '%s' AND TABLE_NAME = 'items' ORDER BY ORDINAL_POSITION",
        "SELECT kc.CONSTRAINT_NAME, kc.TABLE_NAME, kc.COLUMN_NAME, kc.ORDINAL_POSITION FROM information_schema.KEY_COLUMN_USAGE kc"
            + " WHERE kc.TABLE_SCHEMA = '%s' AND kc.REFERENCED_TABLE_NAME IS NULL AND kc.TABLE_NAME = 'items'"
            + " ORDER BY kc.CONSTRAINT_NAME, kc.ORDINAL_POSITION",
        "SELECT tc.CONSTRAINT_NAME, tc.CONSTRAINT_TYPE FROM information_schema.TABLE_CONSTRAINTS tc WHERE tc.TABLE_SCHEMA = '%s'"
            + " AND tc.TABLE_NAME = 'items' ORDER BY 1",
        "SELECT INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, INDEX_TYPE, SUB_PART, NULLABLE FROM information_schema.STATISTICS"
            + " WHERE TABLE_SCHEMA = '%s' AND TABLE_NAME = 'items' ORDER BY INDEX_NAME, SEQ_IN_INDEX",
        "SHOW INDEX FROM `%s`.`items`",
        "SHOW CREATE TABLE `%s`.`items`",
        "SELECT * FROM `%s`.`items` LIMIT 0, 200",
    };

    static String row(ResultSet r) throws SQLException {
        ResultSetMetaData m = r.getMetaData();
        StringBuilder b = new StringBuilder();
        for (int i = 1; i <= m.getColumnCount(); i++)
            if (!VOLATILE.contains(m.getColumnLabel(i).toUpperCase())) b.append(m.getColumnLabel(i)).append("=").append(r.getString(i)).append(" ");
        return b.toString();
    }

    static void print(String what, ResultSet r, boolean sorted) throws SQLException {
        List<String> rows = new java.util.ArrayList<>();
        while (r.next()) rows.add(row(r));
        if (sorted) rows.sort(null);
        for (String s : rows) System.out.println(what + ": " + s);
    }

    static void standard(DatabaseMetaData d, String schema) throws SQLException {
        print("tables", d.getTables(schema, null, "%", new String[] {"TABLE", "BASE TABLE", "VIEW"}), true);
        print("columns", d.getColumns(schema, null, "items", "%"), false);
        print("primary key", d.getPrimaryKeys(schema, null, "items"), true);
        print("indexes", d.getIndexInfo(schema, null, "items", false, false), true);
        print("imported keys", d.getImportedKeys(schema, null, "items"), true);
        print("exported keys", d.getExportedKeys(schema, null, "items"), true);
        print("best row", d.getBestRowIdentifier(schema, null, "items", DatabaseMetaData.bestRowSession, true), true);
        print("versions", d.getVersionColumns(schema, null, "items"), true);
        print("procedures", d.getProcedures(schema, null, "%"), true);
    }

    // What a statement says of itself before it runs, and a result that is edited in place.
    static void statements(Connection c) throws SQLException {
        try (PreparedStatement p = c.prepareStatement("SELECT * FROM items WHERE category = ?")) {
            ResultSetMetaData m = p.getMetaData();
            for (int i = 1; i <= m.getColumnCount(); i++)
                System.out.println("column: " + m.getColumnName(i) + " " + m.getColumnLabel(i) + " " + m.getTableName(i) + " "
                    + m.getColumnTypeName(i) + " " + m.getPrecision(i) + " " + m.isNullable(i) + " " + m.isAutoIncrement(i));
            System.out.println("parameters: " + p.getParameterMetaData().getParameterCount());
        }
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            s.execute("DELETE FROM items");
            s.execute("INSERT INTO items (id, category) VALUES (1, 'book')");
            ResultSet r = s.executeQuery("SELECT id, category, n FROM items");
            r.next();
            r.updateString("category", "pen");
            r.updateRow();
            print("edited", s.executeQuery("SELECT id, category, n FROM items"), false);
        }
    }

    public static void main(String[] args) throws Exception {
        if (System.getenv("CLIENT_COMPRESS").equals("1")) System.exit(77);
        String schema = System.getenv("CLIENT_SCHEMA");
        String url = String.format("jdbc:mariadb://%s:%s/%s?user=%s&password=%s&allowPublicKeyRetrieval=true", System.getenv("CLIENT_HOST"),
            System.getenv("CLIENT_PORT"), schema, System.getenv("CLIENT_USER"), System.getenv("CLIENT_PASSWORD"));
        try (Connection c = DriverManager.getConnection(url); Statement s = c.createStatement()) {
            standard(c.getMetaData(), schema);
            for (String sql : DBEAVER)
                print(sql.substring(0, 24), s.executeQuery(String.format(sql, schema)), sql.startsWith("SHOW INDEX"));
            statements(c);
        }
    }
}
