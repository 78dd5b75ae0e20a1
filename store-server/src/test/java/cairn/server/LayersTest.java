package cairn.server;

import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds the picture of who may import whom. Change the picture in docs/architecture.md together with this table. */
class LayersTest {
    /** Package -> the packages of ours that its main sources may import. Everyone may import {@code cairn} itself. */
    private static final Map<String, Set<String>> MAY_IMPORT = Map.ofEntries(
            entry("cairn", Set.of()),
            entry("cairn.chunk", Set.of()),
            entry("cairn.tree", Set.of("cairn.chunk")),
            entry("cairn.image", Set.of("cairn.chunk", "cairn.tree")),
            entry("cairn.disk", Set.of()),
            entry("cairn.sigv4", Set.of()),
            entry("cairn.api", Set.of("cairn.chunk", "cairn.tree", "cairn.image")),
            entry("cairn.client",
                    Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.disk", "cairn.sigv4", "cairn.api")),
            entry("cairn.qemu", Set.of("cairn.image", "cairn.api")),
            entry("cairn.cli",
                    Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.disk", "cairn.sigv4", "cairn.api",
                            "cairn.client", "cairn.qemu")),
            entry("cairn.server.storage", Set.of("cairn.chunk", "cairn.tree")),
            entry("cairn.server.storage.rocks", Set.of("cairn.chunk", "cairn.tree", "cairn.server.storage")),
            entry("cairn.server.account", Set.of("cairn.image", "cairn.sigv4", "cairn.server.storage")),
            entry("cairn.server.volume", Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.server.storage")),
            entry("cairn.server.image",
                    Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.server.storage", "cairn.server.account",
                            "cairn.server.volume")),
            entry("cairn.server.instance",
                    Set.of("cairn.image", "cairn.qemu", "cairn.server.storage", "cairn.server.account",
                            "cairn.server.image")),
            entry("cairn.server.upload",
                    Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.server.storage", "cairn.server.account",
                            "cairn.server.image")),
            entry("cairn.server.gc", Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.server.storage")),
            entry("cairn.server.scrub",
                    Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.server.storage", "cairn.server.gc")),
            entry("cairn.server.transport", Set.of()),
            entry("cairn.server.http", Set.of("cairn.image", "cairn.sigv4", "cairn.server.account", "cairn.server.transport")),
            entry("cairn.server.ebs",
                    Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.sigv4", "cairn.server.storage",
                            "cairn.server.account", "cairn.server.image", "cairn.server.upload", "cairn.server.http")),
            entry("cairn.server.rbin",
                    Set.of("cairn.image", "cairn.sigv4", "cairn.server.account", "cairn.server.http")),
            entry("cairn.server.nbd", Set.of("cairn.server.volume", "cairn.server.transport")),
            entry("cairn.server.api",
                    Set.of("cairn.chunk", "cairn.tree", "cairn.image", "cairn.api", "cairn.sigv4", "cairn.server.storage",
                            "cairn.server.account", "cairn.server.image", "cairn.server.upload", "cairn.server.volume",
                            "cairn.server.gc", "cairn.server.scrub", "cairn.server.http")),
            entry("cairn.server.ec2",
                    Set.of("cairn.tree", "cairn.image", "cairn.sigv4", "cairn.server.storage", "cairn.server.account",
                            "cairn.server.image", "cairn.server.volume", "cairn.server.instance", "cairn.server.http")),
            entry("cairn.server", Set.of("*")),
            entry("cairn.bench", Set.of("*")));

    /** Library package -> the only package of ours that may import it. */
    private static final Map<String, String> ONLY_IN = Map.of(
            "org.rocksdb", "cairn.server.storage.rocks",
            "com.sun.jna", "cairn.disk",
            "picocli", "cairn.cli");

    private static final Pattern IMPORT = Pattern.compile("^import (?:static )?([a-z0-9_.]+)\\.[A-Z*].*;");

    private record Import(String from, String to, Path file) {}

    @Test
    void everyPackageImportsOnlyWhatItsLayerMay() throws IOException {
        Set<String> broken = new TreeSet<>();

        for (Import i : imports()) {
            if (!i.to.equals("cairn") && !i.to.startsWith("cairn.") || i.to.equals("cairn") || i.to.equals(i.from)) {
                continue;
            }
            Set<String> allowed = MAY_IMPORT.getOrDefault(i.from, Set.of());
            if (!allowed.contains("*") && !allowed.contains(i.to)) {
                broken.add(i.from + " -> " + i.to + " in " + i.file.getFileName());
            }
        }

        assertEquals(Set.of(), broken);
    }

    @Test
    void librariesStayWhereTheyBelong() throws IOException {
        Set<String> broken = new TreeSet<>();

        for (Import i : imports()) {
            ONLY_IN.forEach((library, owner) -> {
                boolean isOfLibrary = i.to.equals(library) || i.to.startsWith(library + '.');
                boolean isServer = i.from.equals("cairn.server") && library.equals("picocli");
                boolean isBench = i.from.equals("cairn.bench") && library.equals("picocli");
                if (isOfLibrary && !i.from.equals(owner) && !isServer && !isBench) {
                    broken.add(i.from + " -> " + i.to + " in " + i.file.getFileName());
                }
            });
        }

        assertEquals(Set.of(), broken);
    }

    @Test
    void everyPackageIsInTheTableAndHasItsSignpost() throws IOException {
        Set<String> unknown = new TreeSet<>();

        for (Path source : sources()) {
            String name = packageOf(source);
            if (!MAY_IMPORT.containsKey(name)) {
                unknown.add(name + " is not in the table");
            }
            if (!Files.exists(source.resolveSibling("package-info.java"))) {
                unknown.add(name + " has no package-info.java");
            }
        }

        assertEquals(Set.of(), unknown);
    }

    private static List<Import> imports() throws IOException {
        List<Import> imports = new ArrayList<>();
        for (Path source : sources()) {
            String from = packageOf(source);
            for (String line : Files.readAllLines(source)) {
                Matcher matcher = IMPORT.matcher(line);
                if (matcher.matches()) {
                    imports.add(new Import(from, matcher.group(1), source));
                }
            }
        }
        assertTrue(imports.size() > 50, "found the sources: " + imports.size() + " imports");
        return imports;
    }

    private static String packageOf(Path source) {
        try (Stream<String> lines = Files.lines(source)) {
            return lines.filter(line -> line.startsWith("package "))
                    .findFirst()
                    .orElseThrow()
                    .replaceAll("^package |;$", "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        for (String module : List.of("store-client", "store-server", "bench")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src/main/java"))) {
                files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
            }
        }
        return sources;
    }
}
