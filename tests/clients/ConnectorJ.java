// MariaDB Connector/J through JDBC.
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.*;
import java.util.HexFormat;

public class ConnectorJ {
    static String quote(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray())
            if (c == '"' || c == '\\') b.append('\\').append(c);
            else if (c < 0x20) b.append(String.format("\\u%04x", (int) c));
            else b.append(c);
        return b.append('"').toString();
    }

    static String cell(Object v) throws Exception {
        if (v == null) return "null";
        String s = v instanceof byte[] ? "0x" + HexFormat.of().formatHex((byte[]) v) : v.toString();
        if (s.length() > 200)
            s = s.length() + " " + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(s.getBytes(StandardCharsets.UTF_8)));
        return quote(s);
    }

    static Object value(ResultSet r, int i) throws Exception {
        int type = r.getMetaData().getColumnType(i);
        boolean bytes = type == Types.BINARY || type == Types.VARBINARY || type == Types.LONGVARBINARY || type == Types.BLOB || type == Types.BIT;
        return bytes ? r.getBytes(i) : r.getString(i);
    }

    static String set(ResultSet r) throws Exception {
        int n = r.getMetaData().getColumnCount();
        StringBuilder b = new StringBuilder("{\"columns\": [");
        for (int i = 1; i <= n; i++) b.append(i > 1 ? ", " : "").append(quote(r.getMetaData().getColumnLabel(i)));
        b.append("], \"rows\": [");
        for (boolean first = true; r.next(); first = false) {
            b.append(first ? "[" : ", [");
            for (int i = 1; i <= n; i++) b.append(i > 1 ? ", " : "").append(cell(value(r, i)));
            b.append("]");
        }
        return b.append("]}").toString();
    }

    static void bind(PreparedStatement s, int i, String p) throws Exception {
        String v = p.substring(2);
        switch (p.charAt(0)) {
            case 'i': s.setInt(i, Integer.parseInt(v)); break;
            case 'n': s.setNull(i, Types.VARCHAR); break;
            case 'b':
                byte[] b = new byte[Integer.parseInt(v)], four = {0, (byte) 255, 39, 92};
                for (int k = 0; k < b.length; k++) b[k] = four[k % 4];
                s.setBytes(i, b);
                break;
            default: s.setString(i, v);
        }
    }

    static String step(Connection c, String mode, String sql, String[] w) throws Exception {
        StringBuilder sets = new StringBuilder(), affected = new StringBuilder();
        try (PreparedStatement p = mode.equals("prepared") ? c.prepareStatement(sql) : null;
             Statement s = p != null ? p : c.createStatement()) {
            if (mode.equals("stream")) s.setFetchSize(10);
            for (int i = 3; i < w.length; i++) bind(p, i - 2, w[i]);
            boolean rows = p != null ? p.execute() : s.execute(sql);
            while (rows || s.getUpdateCount() != -1) {
                if (rows) sets.append(sets.length() > 0 ? ", " : "").append(set(s.getResultSet()));
                else affected.append(affected.length() > 0 ? ", " : "").append(s.getUpdateCount());
                rows = s.getMoreResults();
            }
        }
        return "\"sets\": [" + sets + "], \"affected\": [" + affected + "]}";
    }

    public static void main(String[] args) throws Exception {
        String url = String.format("jdbc:mariadb://%s:%s/%s?user=%s&password=%s&allowMultiQueries=true&useServerPrepStmts=true"
            + "&allowPublicKeyRetrieval=true&useCompression=%s&maxAllowedPacket=67108864", System.getenv("CLIENT_HOST"), System.getenv("CLIENT_PORT"),
            System.getenv("CLIENT_SCHEMA"), System.getenv("CLIENT_USER"), System.getenv("CLIENT_PASSWORD"),
            System.getenv("CLIENT_COMPRESS").equals("1"));
        if (System.getenv("CLIENT_TLS").equals("1")) url += "&useSsl=true&trustServerCertificate=true";
        try (Connection c = DriverManager.getConnection(url)) {
            for (String line : Files.readAllLines(Path.of(System.getenv("CLIENT_STEPS")))) {
                String[] w = line.split("\t", -1);
                String out;
                try {
                    out = step(c, w[1], w[2], w);
                } catch (SQLException e) {
                    out = "\"error\": " + e.getErrorCode() + "}";
                }
                System.out.println("{\"step\": " + quote(w[0]) + ", " + out);
            }
        }
    }
}
