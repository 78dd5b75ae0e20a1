package cairn.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Command lines of Cairn's two programs as processes of their own, with the test's class path. */
final class Programs {
    private static final List<String> JAVA_OPTIONS = List.of(
            "-Xmx512m",
            "-XX:MaxDirectMemorySize=2304m",
            "-XX:+UseSerialGC",
            "-XX:+IgnoreUnrecognizedVMOptions",
            "--enable-native-access=ALL-UNNAMED");
    /** As the launcher does: what is small ends sooner without the optimising compiler, what hashes disks needs it. */
    private static final List<String> QUICK_OPTIONS = List.of("-XX:TieredStopAtLevel=1", "-Xshare:auto");
    private static final Set<String> BUSY_COMMANDS = Set.of("push", "pull", "verify");

    private Programs() {}

    /** @param arguments as they stand behind {@code cairn} */
    static List<String> client(String... arguments) {
        boolean isBusy = arguments.length > 0 && BUSY_COMMANDS.contains(arguments[0]);
        return java("cairn.cli.Main", isBusy ? List.of() : QUICK_OPTIONS, arguments);
    }

    /** @param arguments as they stand behind {@code cairn serve} */
    static List<String> server(String... arguments) {
        return java("cairn.server.Main", List.of("-Dio.netty.leakDetection.level=paranoid"), arguments);
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
