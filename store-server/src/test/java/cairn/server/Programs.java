package cairn.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Command lines of Cairn's two programs as processes of their own, with the test's class path. */
final class Programs {
    /** They live for seconds, and there are many of them on few cores. */
    private static final List<String> JAVA_OPTIONS = List.of(
            "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
            "-XX:+IgnoreUnrecognizedVMOptions", "--enable-native-access=ALL-UNNAMED");

    private Programs() {}

    /** @param arguments as they stand behind {@code cairn} */
    static List<String> client(String... arguments) {
        return java("cairn.cli.Main", List.of(), arguments);
    }

    /** @param javaOptions more of them */
    static List<String> client(List<String> javaOptions, String... arguments) {
        return java("cairn.cli.Main", javaOptions, arguments);
    }

    /** @param arguments as they stand behind {@code cairn serve} */
    static List<String> server(String... arguments) {
        return java("cairn.server.Main", List.of(), arguments);
    }

    private static List<String> java(String mainClass, List<String> javaOptions, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JAVA_OPTIONS);
        command.addAll(javaOptions);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
        command.addAll(List.of(arguments));
        return command;
    }
}
