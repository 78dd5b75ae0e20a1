package cairn.bench;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How Cairn's commands are run: by its launcher, as users do; or, where there is none, with the same options for Java.
 */
final class CairnProgram {
    private static final List<String> JAVA_OPTIONS =
            List.of("-XX:+IgnoreUnrecognizedVMOptions", "--enable-native-access=ALL-UNNAMED");

    /** A flight recorder must not speak before the server. */
    private static final List<String> SERVER_OPTIONS = List.of("-Xlog:jfr+startup=error");

    private static final String LAUNCHER = "cairn";
    private static final List<String> CLIENT_OPTIONS = List.of("-XX:+UseParallelGC", "-XX:CompileThresholdScaling=5");

    private CairnProgram() {}

    /** The words that a command that moves a disk begins with: {@code push} or {@code pull}. */
    static List<String> client(String command) {
        List<String> words = launched(command);
        return words.isEmpty() ? java(CLIENT_OPTIONS, "cairn.cli.Main", command) : words;
    }

    /**
     * The words that {@code cairn serve} begins with, as its users run it.
     *
     * @param memory options, without the launcher
     */
    static List<String> serve(List<String> memory) {
        List<String> words = launched("serve");
        return words.isEmpty() ? server(memory) : words;
    }

    /** The words that a server of this process's own class path begins with. */
    static List<String> server(List<String> javaOptions) {
        List<String> options = new ArrayList<>(SERVER_OPTIONS);
        options.addAll(javaOptions);
        return java(options, "cairn.server.Main");
    }

    /** Empty where this program was not started by the launcher. */
    private static List<String> launched(String command) {
        String home = System.getProperty("cairn.home", "");
        Path launcher = Path.of(home, LAUNCHER);
        return !home.isEmpty() && Files.isExecutable(launcher) ? List.of(launcher.toString(), command) : List.of();
    }

    private static List<String> java(List<String> options, String... program) {
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(JAVA_OPTIONS);
        words.addAll(options);
        words.addAll(List.of("-cp", classPath()));
        words.addAll(List.of(program));
        return words;
    }

    /** In a jar's manifest are the libraries beside it, among them the server. */
    private static String classPath() {
        StringBuilder absolute = new StringBuilder();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            absolute.append(absolute.isEmpty() ? "" : File.pathSeparator).append(Path.of(entry).toAbsolutePath());
        }
        return absolute.toString();
    }
}
