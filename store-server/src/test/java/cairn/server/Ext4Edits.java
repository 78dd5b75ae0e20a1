package cairn.server;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Commands for {@code debugfs} that turn a file system holding one tree into one holding another. What is equal in
 * both is left alone, and so stays at its place on the disk.
 *
 * <p>Files, folders and symbolic links, with owner, mode and time; hard links become files of their own.
 *
 * @see <a href="https://man7.org/linux/man-pages/man8/debugfs.8.html">debugfs(8)</a>
 */
final class Ext4Edits {
    /** Changes when the same trees give other commands. */
    static final int VERSION = 1;

    private static final int TYPE_MASK = 0170000;
    private static final int FOLDER = 0040000;
    private static final int FILE = 0100000;
    private static final int LINK = 0120000;

    /** What is at a path. {@code content} is a link's target, and empty for all else. */
    private record Node(Path path, int mode, int uid, int gid, long timeSeconds, String content) {
        static Node read(Path path) throws IOException {
            Map<String, Object> is = Files.readAttributes(path, "unix:mode,uid,gid,lastModifiedTime", NOFOLLOW_LINKS);
            int mode = (int) is.get("mode");
            return new Node(
                    path,
                    mode,
                    (int) is.get("uid"),
                    (int) is.get("gid"),
                    ((FileTime) is.get("lastModifiedTime")).toMillis() / 1000,
                    (mode & TYPE_MASK) == LINK ? Files.readSymbolicLink(path).toString() : "");
        }

        boolean is(int type) {
            return (mode & TYPE_MASK) == type;
        }

        boolean hasContentOf(Node other) throws IOException {
            return (mode & TYPE_MASK) == (other.mode & TYPE_MASK)
                    && content.equals(other.content)
                    && (!is(FILE) || Files.mismatch(path, other.path) < 0);
        }

        boolean hasAttributesOf(Node other) {
            return mode == other.mode && uid == other.uid && gid == other.gid && timeSeconds == other.timeSeconds;
        }
    }

    private Ext4Edits() {}

    /** @param nowSeconds the time that the commands' own traces get */
    static List<String> between(Path from, Path to, long nowSeconds) throws IOException {
        SortedMap<String, Node> before = nodes(from);
        SortedMap<String, Node> after = nodes(to);
        List<String> removals = new ArrayList<>();
        List<String> additions = new ArrayList<>();
        List<String> attributes = new ArrayList<>();

        for (var entry : before.entrySet()) {
            Node now = after.get(entry.getKey());
            if (now == null || !now.hasContentOf(entry.getValue())) {
                // What is in a folder goes before the folder.
                removals.add(0, (entry.getValue().is(FOLDER) ? "rmdir " : "rm ") + quoted(entry.getKey()));
            }
        }
        for (var entry : after.entrySet()) {
            Node node = entry.getValue();
            Node old = before.get(entry.getKey());
            boolean isNew = old == null || !node.hasContentOf(old);
            if (isNew) {
                additions.addAll(add(entry.getKey(), node));
            }
            if (isNew || !node.hasAttributesOf(old)) {
                attributes.addAll(describe(entry.getKey(), node));
            }
        }

        return Stream.of(List.of("set_current_time @" + nowSeconds), removals, additions, attributes)
                .flatMap(List::stream)
                .toList();
    }

    /** debugfs goes on after a command that failed, and ends well: only its second stream tells. */
    static void requireNoComplaint(String errors) throws IOException {
        List<String> complaints = errors.lines()
                .filter(line -> !line.isBlank() && !line.startsWith("debugfs 1."))
                .toList();
        if (!complaints.isEmpty()) {
            throw new IOException("debugfs says: " + complaints);
        }
    }

    /** A new file's name is taken as it stands, so the folder is entered first. */
    private static List<String> add(String path, Node node) throws IOException {
        int slash = path.lastIndexOf('/');
        String name = quoted(path.substring(slash + 1));
        String enter = "cd " + quoted(slash == 0 ? "/" : path.substring(0, slash));
        if (node.is(FOLDER)) {
            return List.of(enter, "mkdir " + name);
        }
        if (node.is(LINK)) {
            return List.of(enter, "symlink " + name + ' ' + quoted(node.content));
        }
        if (node.is(FILE)) {
            return List.of(enter, "write " + quoted(node.path.toString()) + ' ' + name);
        }
        throw new IOException(path + " is neither file, folder nor link");
    }

    private static List<String> describe(String path, Node node) {
        String set = "set_inode_field " + quoted(path);
        return List.of(
                set + " mode 0" + Integer.toOctalString(node.mode),
                set + " uid " + node.uid,
                set + " gid " + node.gid,
                set + " mtime @" + node.timeSeconds);
    }

    /** Every path below the root, folders before what is in them. */
    private static SortedMap<String, Node> nodes(Path root) throws IOException {
        SortedMap<String, Node> nodes = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : (Iterable<Path>) paths.filter(path -> !path.equals(root))::iterator) {
                nodes.put("/" + root.relativize(path), Node.read(path));
            }
        }
        return nodes;
    }

    private static String quoted(String name) {
        if (name.chars().anyMatch(c -> c == '"' || c < ' ')) {
            throw new IllegalArgumentException("debugfs cannot be told of " + name);
        }
        return '"' + name + '"';
    }
}
