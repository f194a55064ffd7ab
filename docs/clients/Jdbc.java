// JDBC (Debian: libpostgresql-jdbc-java). Run: java -cp /usr/share/java/postgresql.jar Jdbc.java URL STYLIST SERVICE DAY; it checks what it says.
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.Date;
import java.util.TimeZone;
import java.util.UUID;

public class Jdbc {
	static final String ASKED = "SELECT get_available_slots_json(?, ?, ?, ?)";
	static final String ZONE = "Asia/Kathmandu";

	interface Parameters {
		void set(PreparedStatement statement) throws SQLException;
	}

	static String ask(Connection connection, String sql, Parameters parameters) throws SQLException {
		try (PreparedStatement statement = connection.prepareStatement(sql)) {
			parameters.set(statement);
			try (ResultSet rows = statement.executeQuery()) {
				rows.next();
				return rows.getString(1);   // json and jsonb are text: give it to your JSON library
			}
		}
	}

	static String sqlstate(Connection connection, Parameters parameters) {
		try {
			ask(connection, ASKED, parameters);
			return "none";
		} catch (SQLException error) {
			return error.getSQLState();
		}
	}

	static void check(boolean holds, String what) {
		if (!holds)
			throw new AssertionError(what);
	}

	public static void main(String[] args) throws SQLException {
		TimeZone.setDefault(TimeZone.getTimeZone("America/Los_Angeles"));   // west of Greenwich, where the traps are seen
		String url = args[0];   // behind PgBouncer in transaction mode: …?prepareThreshold=0
		UUID stylist = UUID.fromString(args[1]);
		UUID service = UUID.fromString(args[2]);
		LocalDate day = LocalDate.parse(args[3]);

		try (Connection connection = DriverManager.getConnection(url)) {
			// Each as what it is.
			Parameters right = s -> {
				s.setObject(1, stylist);
				s.setObject(2, service);
				s.setObject(3, day);
				s.setString(4, ZONE);
			};
			String answer = ask(connection, ASKED, right);
			check(answer.contains("\"success\":true") && answer.contains("\"slot_start_local\":\"" + day + "T08:00:00\""), answer);

			// setString has the type varchar, and there is no function of that: 42883. Cast in the statement, or connect with stringtype=unspecified.
			Parameters strings = s -> {
				s.setString(1, args[1]);
				s.setString(2, args[2]);
				s.setString(3, args[3]);
				s.setString(4, ZONE);
			};
			check(sqlstate(connection, strings).equals("42883"), "setString");
			check(ask(connection, "SELECT get_available_slots_json(?::uuid, ?::uuid, ?::date, ?)", strings).contains("\"success\":true"), "casts");
			try (Connection unspecified = DriverManager.getConnection(url + (url.contains("?") ? "&" : "?") + "stringtype=unspecified")) {
				check(ask(unspecified, ASKED, strings).contains("\"success\":true"), "stringtype");
			}

			// A time of day is no date either.
			check(sqlstate(connection, s -> {
				right.set(s);
				s.setObject(3, day.atStartOfDay());
			}).equals("42883"), "LocalDateTime");

			// java.sql.Date is a moment, and is the date that it has in the JVM's zone: midnight in Greenwich is the day before here.
			Date greenwich = Date.from(day.atStartOfDay(ZoneId.of("UTC")).toInstant());
			String wrong = ask(connection, ASKED, s -> {
				right.set(s);
				s.setDate(3, new java.sql.Date(greenwich.getTime()));
			});
			check(wrong.contains("\"slot_start_local\":\"" + day.minusDays(1) + "T08:00:00\""), wrong);

			// Rows: OffsetDateTime for timestamptz, LocalDateTime for timestamp; getTimestamp would read the latter in the JVM's zone.
			try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM get_available_slots(?, ?, ?, ?)")) {
				right.set(statement);
				for (int n = 0; n < 10; n++) {   // from the fifth on it is prepared in the server, unless prepareThreshold is 0
					try (ResultSet rows = statement.executeQuery()) {
						rows.next();
						check(rows.getObject("slot_start_utc", OffsetDateTime.class).toInstant().isAfter(Instant.now()), "slot_start_utc");
						check(rows.getObject("slot_start_local", LocalDateTime.class).equals(day.atTime(8, 0)), "slot_start_local");
					}
				}
			}

			// Nothing is thrown for a stylist that is not there: look at success.
			String none = ask(connection, ASKED, s -> {
				right.set(s);
				s.setObject(1, service);
			});
			check(none.contains("\"success\":false") && none.contains("STYLIST_NOT_FOUND"), none);
			System.out.println("slots on " + day);
		}
	}
}
