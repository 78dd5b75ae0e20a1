package cairn.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/**
 * What the commands see of the process: where to write, whether people watch, the environment.
 *
 * @param out for results
 * @param err for prose and progress
 * @param isErrTerminal whether people watch what goes to {@code err}
 * @param variables of the environment
 * @param home the user's
 */
record Terminal(PrintStream out, PrintStream err, boolean isErrTerminal, Map<String, String> variables, Path home) {
    private static final int COLUMNS_USUAL = 80;
    private static final int COLUMNS_MIN = 60;
    private static final int COLUMNS_MAX = 200;

    /**
     * This process's. Java can not tell whether stderr is a terminal, so the launcher does, in the property
     * {@code cairn.terminals}: the numbers of the descriptors that are.
     */
    static Terminal ofProcess() {
        return new Terminal(
                stream(FileDescriptor.out),
                stream(FileDescriptor.err),
                System.getProperty("cairn.terminals", "").contains("2") && !"dumb".equals(System.getenv("TERM")),
                System.getenv(),
                Path.of(System.getProperty("user.home", ".")));
    }

    /** Names and paths are UTF-8 whatever the locale, so that scripts can compare what they get. */
    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    }

    /** A variable of the environment; empty and unset are the same. */
    String variable(String name) {
        return variables.getOrDefault(name, "");
    }

    boolean isDebugging() {
        return variable("CAIRN_DEBUG").equals("1");
    }

    /** How wide the terminal is, as far as it is known; some say 0 when they do not know. */
    int columns() {
        try {
            int columns = Integer.parseInt(variable("COLUMNS"));
            return columns <= 0 ? COLUMNS_USUAL : Math.max(COLUMNS_MIN, Math.min(columns, COLUMNS_MAX));
        } catch (NumberFormatException e) {
            return COLUMNS_USUAL;
        }
    }

    /** A line of prose. */
    void say(String format, Object... values) {
        err.println(String.format(format, values));
    }
}
