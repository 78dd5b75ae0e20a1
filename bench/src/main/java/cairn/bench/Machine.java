package cairn.bench;

import cairn.cli.Sizes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Where something was measured, without which a figure means nothing. Linux; elsewhere less is known.
 *
 * @param cpu its model, as the system names it
 * @param cores that Java may use
 * @param programs other people's that took part, and their versions
 * @param missing those that would have taken part, but are not installed
 */
record Machine(
        String cpu,
        int cores,
        long memoryBytes,
        String kernel,
        String java,
        Map<String, String> programs,
        List<String> missing) {
    private static final String UNKNOWN = "unknown";
    private static final Pattern VERSION = Pattern.compile("[0-9]+(\\.[0-9]+)*");
    private static final Path CPUS = Path.of("/proc/cpuinfo");
    private static final Path MEMORY = Path.of("/proc/meminfo");

    /** Looks at the machine that this runs on, where nobody else takes part. */
    static Machine look() {
        return look(Path.of(""), List.of());
    }

    /**
     * Looks at the machine that this runs on.
     *
     * @param folder for what programs say, meanwhile
     * @param programs that take part where they are installed
     */
    static Machine look(Path folder, List<String> programs) {
        Map<String, String> versions = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        for (String program : programs) {
            if (Subjects.isInstalled(program)) {
                versions.put(program, versionOf(folder, program));
            } else {
                missing.add(program);
            }
        }
        return new Machine(
                valueOf(CPUS, "model name"),
                Runtime.getRuntime().availableProcessors(),
                installedBytes(),
                System.getProperty("os.name") + ' ' + System.getProperty("os.version"),
                Runtime.version().toString(),
                versions,
                missing);
    }

    private static String versionOf(Path folder, String program) {
        String said = Programs.run(folder, program, program.equals("restic") ? "version" : "--version");
        Matcher version = VERSION.matcher(said);
        return version.find() ? version.group() : UNKNOWN;
    }

    private static long installedBytes() {
        String kibibytes = valueOf(MEMORY, "MemTotal").replaceAll("[^0-9]", "");
        return kibibytes.isEmpty() ? 0 : Long.parseLong(kibibytes) << 10;
    }

    private static String valueOf(Path file, String name) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(UNKNOWN);
        } catch (IOException e) {
            return UNKNOWN;
        }
    }

    /** In one sentence. */
    String shown() {
        String with = programs.entrySet().stream()
                .map(program -> program.getKey() + ' ' + program.getValue())
                .collect(Collectors.joining(", "));
        return "Machine: " + cpu + ", " + cores + (cores == 1 ? " core, " : " cores, ")
                + Sizes.bytes(memoryBytes) + ", "
                + kernel + ", Java " + java + (with.isEmpty() ? "" : "; " + with)
                + (missing.isEmpty() ? "" : "; not installed, and so not measured: " + String.join(", ", missing));
    }
}
