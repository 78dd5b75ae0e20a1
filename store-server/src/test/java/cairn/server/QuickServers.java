package cairn.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/**
 * Command lines of servers that are started hundreds of times: with loaded classes from an archive, quickly compiled,
 * and without unpacking RocksDB's library, one takes a third of the time until it is ready.
 */
final class QuickServers {
    private static final List<String> JAVA_OPTIONS =
            List.of("-Xmx512m", "-XX:MaxDirectMemorySize=2304m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

    private static final String LIBRARY = "/librocksdbjni-linux64.so";

    private final String classPath;
    private final Path folder;

    private QuickServers(String classPath, Path folder) {
        this.classPath = classPath;
        this.folder = folder;
    }

    /** Makes the archive of what a server loads until it is ready. @param folder to work in, made here */
    static QuickServers prepare(Path folder) throws Exception {
        Files.createDirectories(folder);
        // Archives take classes from jars alone.
        List<String> jars = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(":")) {
            Path path = Path.of(entry);
            jars.add(Files.isDirectory(path) ? jar(path, folder.resolve(jars.size() + ".jar")).toString() : entry);
        }
        try (InputStream library = QuickServers.class.getResourceAsStream(LIBRARY)) {
            if (library != null) {
                Files.copy(library, folder.resolve(System.mapLibraryName("rocksdbjni")));
            }
        }
        QuickServers quick = new QuickServers(String.join(":", jars), folder);
        Path data = folder.resolve("data");
        try (ServerProcess server = ServerProcess.start(
                data, quick.command("-XX:ArchiveClassesAtExit=" + quick.archive(), data, List.of()))) {
            server.connect().stats();
        }
        return quick;
    }

    private static Path jar(Path classes, Path jar) throws IOException {
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file);
                Stream<Path> files = Files.walk(classes)) {
            for (Path each : files.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(classes.relativize(each).toString()));
                Files.copy(each, out);
            }
        }
        return jar;
    }

    /** Of a server on free ports. @param more arguments, as they stand behind {@code cairn serve} */
    List<String> command(Path data, List<String> more) {
        return command("-XX:SharedArchiveFile=" + archive(), data, more);
    }

    private Path archive() {
        return folder.resolve("classes.jsa");
    }

    private List<String> command(String archiving, Path data, List<String> more) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JAVA_OPTIONS);
        command.addAll(List.of(archiving, "-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"));
        command.add("-Djava.library.path=" + folder);
        command.addAll(List.of("-cp", classPath, "cairn.server.Main"));
        command.addAll(List.of("--data", data.toString(), "--http-port", "0", "--nbd-port", "0"));
        command.addAll(more);
        return command;
    }
}
