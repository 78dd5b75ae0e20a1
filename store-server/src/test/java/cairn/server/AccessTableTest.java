package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.server.AccessProbe.Kind;
import cairn.server.AccessProbe.Somebody;
import cairn.server.AccessProbe.Thing;
import cairn.server.AccessProbe.Verdict;
import cairn.server.account.Access.Right;
import cairn.server.account.Tickets;
import cairn.server.storage.Storage;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksStorage;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.Ec2Client;

/** Walks the table of docs/operations.md that says who may do what through every door. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AccessTableTest {
    private static final Path DOCUMENT = Path.of("../docs/operations.md");
    private static final int DISK_BYTES = 200_192;

    /** The table's lines, by how they begin. */
    private enum Who {
        OWNER("owner"),
        ROOT("root"),
        SHARED("an account it is shared with"),
        PUBLIC("everybody, where it is public"),
        ELSE("everybody else");

        private final String words;

        Who(String words) {
            this.words = words;
        }
    }

    private TestStore store;
    private Path folder;
    private final Map<String, AccessProbe> doors = new LinkedHashMap<>();
    private final Map<Who, Somebody> people = new EnumMap<>(Who.class);
    private final Map<Who, Map<Kind, Thing>> things = new EnumMap<>(Who.class);
    private int disks;

    @BeforeAll
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        Path data = folder.resolve("data");
        new TestStore(data).close();
        Tickets tickets;
        try (Storage storage = RocksStorage.open(data)) {
            tickets = new Tickets(StoreSecrets.readOrCreate(storage.catalog()).ticketKey(), Clock.systemUTC());
        }
        store = new TestStore(data);
        doors.put("own API", new OwnApiProbe());
        doors.put("EBS direct", new EbsProbe());
        doors.put("EC2", new Ec2Probe());
        doors.put("NBD over TCP", NbdProbe.tcp(StoreExports.tcpUri(store.server().nbdAddress()), tickets::issue));
        doors.put("unix socket", NbdProbe.unix(store.nbdSocket()));
        makePeopleAndThings();
    }

    @AfterAll
    void stop() {
        if (store != null) {
            store.close();
        }
    }

    private void makePeopleAndThings() throws IOException {
        AwsUser root = store.root();
        people.put(Who.ROOT, new Somebody(new AccountId(root.store().store().account()), root, true));
        for (Who who : List.of(Who.OWNER, Who.SHARED, Who.PUBLIC, Who.ELSE)) {
            TestStore.Somebody made = store.newAccount(who.name());
            people.put(who, new Somebody(made.account(), made.user(), false));
        }
        Map<Kind, Thing> shared = imageAndSnapshot(
                new Messages.ChangeSharing(null, List.of(people.get(Who.SHARED).account().value()), null));
        Map<Kind, Thing> open = imageAndSnapshot(new Messages.ChangeSharing(true, null, null));
        Map<Kind, Thing> own = imageAndSnapshot(new Messages.ChangeSharing(null, null, null));
        own.put(Kind.VOLUME, thing(Kind.VOLUME, owner().createVolume(
                new Messages.CreateVolume(null, 1L << 20, false, false, null)).id()));
        own.put(Kind.INSTANCE, thing(Kind.INSTANCE, launch(own.get(Kind.IMAGE).id())));
        own.put(Kind.UPLOAD, thing(Kind.UPLOAD, owner().startUpload(new Messages.StartUpload(1 << 20)).id()));
        own.put(Kind.ACCOUNT, thing(Kind.ACCOUNT, people.get(Who.OWNER).account().value()));
        things.put(Who.OWNER, own);
        things.put(Who.ROOT, own);
        things.put(Who.SHARED, shared);
        things.put(Who.PUBLIC, open);
        things.put(Who.ELSE, own);
    }

    private String launch(String image) {
        try (Ec2Client client = people.get(Who.OWNER).user().ec2()) {
            return client.runInstances(run -> run.imageId(image).minCount(1).maxCount(1))
                    .instances()
                    .get(0)
                    .instanceId();
        }
    }

    private StoreClient owner() {
        return people.get(Who.OWNER).user().store();
    }

    private Thing thing(Kind kind, String id) {
        return new Thing(kind, id, people.get(Who.OWNER).account());
    }

    /** The snapshot is another image's, so that neither is shared by the other. */
    private Map<Kind, Thing> imageAndSnapshot(Messages.ChangeSharing sharing) throws IOException {
        Messages.Image image = push();
        Messages.Image other = push();
        owner().shareImage(new ImageId(image.id()), sharing);
        owner().shareSnapshot(new SnapshotId(other.snapshot()), sharing);
        Map<Kind, Thing> both = new EnumMap<>(Kind.class);
        both.put(Kind.IMAGE, thing(Kind.IMAGE, image.id()));
        both.put(Kind.SNAPSHOT, thing(Kind.SNAPSHOT, other.snapshot()));
        return both;
    }

    private Messages.Image push() throws IOException {
        disks++;
        Path disk = Files.write(folder.resolve("disk" + disks), TestDisk.random(disks, DISK_BYTES).bytes());
        return new StoreUser(owner(), folder).push(disk, "image " + disks).image();
    }

    @Test
    void everyDoorGrantsWhatTheTableSaysAndNothingElse() throws Exception {
        Map<Who, Map<Kind, Set<Right>>> table = readTable();
        Set<String> wrong = new TreeSet<>();
        Set<String> tried = new TreeSet<>();
        for (Who who : Who.values()) {
            for (Map.Entry<Kind, Set<Right>> cell : table.get(who).entrySet()) {
                Thing thing = things.get(who).get(cell.getKey());
                for (Right right : Right.values()) {
                    for (Map.Entry<String, AccessProbe> door : doors.entrySet()) {
                        Optional<Verdict> verdict = door.getValue().attempt(people.get(who), right, thing);
                        if (verdict.isPresent()) {
                            tried.add(cell.getKey() + " " + right);
                            check(wrong, who, right, thing, cell.getValue(), door.getKey(), verdict.get());
                        }
                    }
                }
            }
        }

        assertEquals(Set.of(), wrong);
        for (Map.Entry<Kind, Set<Right>> cell : table.get(Who.OWNER).entrySet()) {
            for (Right right : cell.getValue()) {
                String what = cell.getKey() + " " + right;
                assertTrue(tried.contains(what), "no door was tried: " + what);
            }
        }
    }

    private static void check(
            Set<String> wrong, Who who, Right right, Thing thing, Set<Right> granted, String door, Verdict verdict) {
        Verdict expected = granted.contains(right)
                ? Verdict.DONE
                : granted.contains(Right.SEE) ? Verdict.FORBIDDEN : Verdict.ABSENT;
        if (verdict != expected) {
            wrong.add(door + ": " + who.words + ", " + right + " of " + thing.kind() + " is " + verdict + ", not "
                    + expected);
        }
    }

    /** What is shared with one account is nothing to the others, for whom the same things are tried again. */
    @Test
    void whatIsSharedWithOneAccountIsNothingToOthers() throws Exception {
        Set<String> wrong = new TreeSet<>();
        for (Thing thing : things.get(Who.SHARED).values()) {
            for (Right right : Right.values()) {
                for (Map.Entry<String, AccessProbe> door : doors.entrySet()) {
                    door.getValue()
                            .attempt(people.get(Who.ELSE), right, thing)
                            .ifPresent(verdict -> check(
                                    wrong, Who.ELSE, right, thing, Set.of(), door.getKey(), verdict));
                }
            }
        }

        assertEquals(Set.of(), wrong);
    }

    /** The owner neither finds a thing from another region. */
    @Test
    void nothingIsFoundFromAnotherRegion() throws Exception {
        Set<String> wrong = new TreeSet<>();
        Somebody owner = people.get(Who.OWNER);
        Somebody elsewhere = new Somebody(owner.account(), owner.user().in("elsewhere"), false);
        for (Kind kind : List.of(Kind.IMAGE, Kind.SNAPSHOT, Kind.VOLUME, Kind.INSTANCE)) {
            Thing thing = things.get(Who.OWNER).get(kind);
            for (Right right : Right.values()) {
                for (Map.Entry<String, AccessProbe> door : doors.entrySet()) {
                    if (!door.getKey().startsWith("NBD")) {
                        door.getValue()
                                .attempt(elsewhere, right, thing)
                                .ifPresent(verdict -> check(
                                        wrong, Who.OWNER, right, thing, Set.of(), door.getKey(), verdict));
                    }
                }
            }
        }

        assertEquals(Set.of(), wrong);
    }

    @Test
    void aTicketOpensNothingOnceItsAccountMayNotReadAnyMore() throws Exception {
        Somebody friend = people.get(Who.SHARED);
        List<String> them = List.of(friend.account().value());
        ImageId image = new ImageId(push().id());
        owner().shareImage(image, new Messages.ChangeSharing(null, them, null));
        URI uri = URI.create(friend.user().store().exportUri(DiskId.of(image)).uri());
        NbdDisk open = NbdDisk.open(uri);

        owner().shareImage(image, new Messages.ChangeSharing(null, null, them));
        assertThrows(NbdDisk.Refused.class, () -> NbdDisk.open(uri));
        assertEquals(512, open.read(0, 512).length);
        owner().shareImage(image, new Messages.ChangeSharing(true, null, null));
        NbdDisk.open(uri).close();
        owner().removeImage(image);
        assertThrows(NbdDisk.Refused.class, () -> NbdDisk.open(uri));
        open.close();
    }

    private static Map<Who, Map<Kind, Set<Right>>> readTable() throws IOException {
        List<List<String>> rows = Files.readAllLines(DOCUMENT).stream()
                .dropWhile(line -> !line.equals("## Who may do what"))
                .dropWhile(line -> !line.startsWith("| who |"))
                .takeWhile(line -> line.startsWith("|"))
                .map(AccessTableTest::cells)
                .toList();
        Map<Who, Map<Kind, Set<Right>>> table = new EnumMap<>(Who.class);
        List<Kind> kinds = rows.get(0).stream()
                .skip(1)
                .map(word -> Kind.valueOf(word.toUpperCase(Locale.ROOT)))
                .toList();
        assertEquals(List.of(Kind.values()), kinds);
        for (List<String> row : rows.subList(2, rows.size())) {
            Map<Kind, Set<Right>> granted = new EnumMap<>(Kind.class);
            for (int i = 0; i < kinds.size(); i++) {
                String cell = row.get(i + 1);
                if (!cell.startsWith("never ")) {
                    granted.put(kinds.get(i), rights(cell));
                }
            }
            table.put(who(row.get(0)), granted);
        }
        assertEquals(Set.of(Who.values()), table.keySet());
        return table;
    }

    private static List<String> cells(String line) {
        List<String> cells = new ArrayList<>();
        for (String cell : line.substring(1, line.length() - 1).split("\\|")) {
            cells.add(cell.strip());
        }
        return cells;
    }

    private static Who who(String words) {
        return Arrays.stream(Who.values())
                .filter(each -> each.words.equals(words))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nobody is called: " + words));
    }

    private static Set<Right> rights(String cell) {
        Set<Right> rights = EnumSet.noneOf(Right.class);
        if (!cell.equals("nothing")) {
            for (String word : cell.split(", ")) {
                rights.add(Right.valueOf(word.toUpperCase(Locale.ROOT)));
            }
        }
        return rights;
    }
}
