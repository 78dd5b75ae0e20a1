package cairn.api;

import java.nio.file.Path;
import java.util.function.UnaryOperator;

/** Where a server keeps everything, and a client on the same machine looks for it, unless somebody names a folder. */
public final class DefaultDataFolder {
    private DefaultDataFolder() {}

    /**
     * {@code CAIRN_DATA}, else {@code cairn} in {@code XDG_DATA_HOME}, else {@code .local/share/cairn} in {@code HOME}.
     *
     * @param variable the environment: a value by its name, null or empty where it is not set
     * @param userHome where {@code HOME} is not set
     * @see <a href="https://specifications.freedesktop.org/basedir-spec/latest/">XDG Base Directory Specification</a>
     */
    public static Path of(UnaryOperator<String> variable, Path userHome) {
        String named = variable.apply("CAIRN_DATA");
        if (named != null && !named.isEmpty()) {
            return Path.of(named);
        }
        String shared = variable.apply("XDG_DATA_HOME");
        String set = variable.apply("HOME");
        Path home = set == null || set.isEmpty() ? userHome : Path.of(set);
        return (shared == null || shared.isEmpty() ? home.resolve(".local").resolve("share") : Path.of(shared))
                .resolve("cairn");
    }
}
