package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.server.TestStore;
import cairn.server.ec2.OperationDescription.Completeness;
import cairn.server.ec2.Parameters.NotTaken;
import cairn.server.storage.Catalog;
import cairn.server.storage.rocks.RocksStorage;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sends every operation that is described requests with one thing wrong: each must be told in EC2's own form, and leave
 * every record of the store as it was.
 */
class MalformedRequestsTest {
    private static final String INVALID_VALUE = "InvalidParameterValue";
    private static final String INVALID_QUERY = "InvalidQueryParameter";
    private static final String UNKNOWN = "UnknownParameter";
    private static final int ITEMS_TRIED_MAX = 2000;

    @TempDir
    private Path folder;

    private int requests;

    @Test
    void everyOperationTellsWhatIsWrongAndDoesNothing() throws Exception {
        Path data = folder.resolve("data");
        try (TestStore store = new TestStore(data)) {
            store.root().store().createVolume(
                    new Messages.CreateVolume(null, 1L << 20, null, null, Map.of("Name", "innocent")));
        }
        Map<String, String> before = records(data);

        try (TestStore store = new TestStore(data)) {
            QueryUser user = new QueryUser(store.root());
            for (OperationDescription operation : Descriptions.read().operations()) {
                if (operation.completeness() == Completeness.REFUSED) {
                    expect(user, operation, Map.of(), "UnsupportedOperation", "is refused");
                } else {
                    tryAll(user, operation);
                }
            }
        }

        assertTrue(requests > 100, "requests: " + requests);
        assertEquals(before, records(data));
    }

    private static Map<String, String> records(Path data) {
        Map<String, String> records = new TreeMap<>();
        try (RocksStorage storage = RocksStorage.open(data)) {
            String after = "";
            List<Catalog.Entry> some;
            do {
                some = storage.catalog().list("", after, 1000);
                for (Catalog.Entry entry : some) {
                    records.put(entry.key(), entry.version() + " " + new String(entry.value(), StandardCharsets.UTF_8));
                    after = entry.key();
                }
            } while (!some.isEmpty());
        }
        return records;
    }

    private void tryAll(QueryUser user, OperationDescription operation) throws Exception {
        Map<String, String> good = required("", operation.parameters());
        for (Parameter parameter : operation.parameters().taken()) {
            if (parameter.isRequired()) {
                Map<String, String> without = new LinkedHashMap<>(good);
                without.keySet().removeIf(
                        name -> name.equals(parameter.name()) || name.startsWith(parameter.name() + '.'));
                expect(user, operation, without, "MissingParameter", "lacks " + parameter.name());
            }
        }
        expect(user, operation, with(good, "Colour", "red"), UNKNOWN, "has one unknown");
        expect(user, operation, with(good, "Colour.1.Shade", "dark"), UNKNOWN, "has one unknown, nested");
        expect(user, operation, with(good, "dryRun", "true"), UNKNOWN, "has one in small letters");
        expect(user, operation, with(good, ".", "1"), UNKNOWN, "has a dot for a name");
        expect(user, operation, with(good, "A".repeat(300), "1"), UNKNOWN, "has a long name");
        expectRaw(user, operation, form(operation, good) + "&Odd=%ff", "MalformedQueryString", "is no UTF-8");
        expectRaw(user, operation, form(operation, good) + "&Odd=%4", "MalformedQueryString", "has half an escape");
        tryParameters(user, operation, good, "", operation.parameters());
        if (!operation.filters().isEmpty()) {
            Map<String, String> filtered = with(with(good, "Filter.1.Name", "no-such-filter"), "Filter.1.Value.1", "x");
            expect(user, operation, filtered, INVALID_VALUE, "has an unknown filter");
        }
    }

    /** @param good with all that is required beside these parameters, and in the structures around them */
    private void tryParameters(
            QueryUser user, OperationDescription operation, Map<String, String> good, String where, Parameters parameters)
            throws Exception {
        for (NotTaken passed : parameters.passed().values()) {
            if (passed.isRefused()) {
                Map<String, String> sent = with(good, where + passed.name(), "no such value");
                expect(user, operation, sent, "UnsupportedOperation", "has " + passed.name());
            }
        }
        for (List<String> names : parameters.exclusive()) {
            Map<String, String> both = new LinkedHashMap<>(good);
            names.stream()
                    .limit(2)
                    .forEach(name -> both.putAll(sample(where, parameters.find(name).orElseThrow())));
            expect(user, operation, both, "InvalidParameterCombination", "has all of " + names);
        }
        for (Parameter parameter : parameters.taken()) {
            tryParameter(user, operation, good, where, parameter);
        }
    }

    private void tryParameter(
            QueryUser user, OperationDescription operation, Map<String, String> good, String where, Parameter parameter)
            throws Exception {
        String name = where + parameter.name();
        Map<String, String> sample = sample(where, parameter);
        Map<String, String> with = new LinkedHashMap<>(good);
        with.putAll(sample);
        if (!sample.isEmpty()) {
            String first = sample.keySet().iterator().next();
            String twice = form(operation, with) + '&' + first + "=again";
            expectRaw(user, operation, twice, INVALID_QUERY, "has " + first + " twice");
        }
        if (parameter.isList() && !sample.isEmpty()) {
            tryList(user, operation, with, where, parameter);
        }
        String item = parameter.isList() ? name + ".1" : name;
        if (parameter.type() instanceof ParameterType.Structure structure) {
            expect(user, operation, with(with, item + ".Colour", "red"), UNKNOWN, "has one unknown in " + item);
            expect(user, operation, with(with, item, "text"), INVALID_QUERY, "has a value in place of " + item);
            tryParameters(user, operation, with, item + '.', structure.members());
            return;
        }
        expect(user, operation, with(with, item + ".1", "x"), INVALID_QUERY, "has more below " + item);
        String code = parameter.type() instanceof ParameterType.Id id
                ? id.kind().malformed("").code()
                : INVALID_VALUE;
        for (String wrong : wrongValues(parameter.type())) {
            expect(user, operation, with(with, item, wrong), code, "has " + item + '=' + wrong);
        }
    }

    private void tryList(
            QueryUser user, OperationDescription operation, Map<String, String> with, String where, Parameter parameter)
            throws Exception {
        String name = where + parameter.name();
        expect(user, operation, with(with, name, "x"), INVALID_QUERY, "has a value in place of " + name);
        for (String number : List.of("0", "01", "x", "-1", "+1", "1000001")) {
            expect(user, operation, with(with, name + '.' + number, "x"), INVALID_QUERY, "has " + name + '.' + number);
        }
        Map<String, String> gap = new LinkedHashMap<>(with);
        gap.putAll(numbered(where, parameter, 3));
        expect(user, operation, gap, INVALID_QUERY, "leaves a number of " + name + " out");
        int itemsMax = parameter.listMax().getAsInt();
        if (itemsMax < ITEMS_TRIED_MAX) {
            Map<String, String> many = new LinkedHashMap<>(with);
            for (int i = 1; i <= itemsMax + 1; i++) {
                many.putAll(numbered(where, parameter, i));
            }
            expect(user, operation, many, INVALID_VALUE, "has " + (itemsMax + 1) + " of " + name);
        }
    }

    private static List<String> wrongValues(ParameterType type) {
        if (type instanceof ParameterType.Characters characters) {
            List<String> wrong = new ArrayList<>(List.of("x".repeat(characters.max() + 1)));
            if (characters.min() > 0) {
                wrong.add("x".repeat(characters.min() - 1));
            }
            if (characters.max() > 2) {
                wrong.add("x".repeat(Math.max(0, characters.min() - 1)) + '\u0001');
            }
            return wrong;
        }
        if (type instanceof ParameterType.Whole whole) {
            return List.of(
                    "", "many", "1.5", "0x10", " 1", "99999999999999999999",
                    Long.toString(whole.min() - 1), Long.toString(whole.max() + 1));
        }
        if (type instanceof ParameterType.Flag) {
            return List.of("", "maybe", "True", "1");
        }
        if (type instanceof ParameterType.Moment) {
            return List.of("", "yesterday", "2026-13-01T00:00:00Z", "1000000000", "9".repeat(50));
        }
        if (type instanceof ParameterType.Bytes bytes) {
            return List.of("not Base64!", "A".repeat((bytes.max() / 3 + 2) * 4));
        }
        if (type instanceof ParameterType.Choice) {
            return List.of("", "no-such-choice");
        }
        return List.of("", "nonsense", "ami", "ami-", "xyz-0123456789abcdef0", "i-0123456789ABCDEF0");
    }

    private static Map<String, String> required(String where, Parameters parameters) {
        Map<String, String> sample = new LinkedHashMap<>();
        parameters.taken().stream()
                .filter(Parameter::isRequired)
                .forEach(parameter -> sample.putAll(sample(where, parameter)));
        return sample;
    }

    private static Map<String, String> sample(String where, Parameter parameter) {
        return numbered(where, parameter, 1);
    }

    /** @param number of a list's item */
    private static Map<String, String> numbered(String where, Parameter parameter, int number) {
        String name = where + parameter.name() + (parameter.isList() ? "." + number : "");
        if (parameter.type() instanceof ParameterType.Structure structure) {
            Map<String, String> required = required(name + '.', structure.members());
            return required.isEmpty() ? firstOf(name + '.', structure.members()) : required;
        }
        return Map.of(name, goodValue(parameter.type()));
    }

    /** Nothing where all that EC2 has there is refused or ignored. */
    private static Map<String, String> firstOf(String where, Parameters parameters) {
        return parameters.taken().stream()
                .findFirst()
                .map(parameter -> sample(where, parameter))
                .orElse(Map.of());
    }

    private static String goodValue(ParameterType type) {
        if (type instanceof ParameterType.Characters characters) {
            return "x".repeat(Math.max(1, characters.min()));
        }
        if (type instanceof ParameterType.Whole whole) {
            return Long.toString(whole.min());
        }
        if (type instanceof ParameterType.Choice choice) {
            return choice.values().get(0);
        }
        if (type instanceof ParameterType.Id id) {
            return id.kind().prefix() + "0123456789abcdef0";
        }
        if (type instanceof ParameterType.Moment) {
            return "2030-01-31T23:59:59Z";
        }
        return type instanceof ParameterType.Flag ? "true" : "AAAA";
    }

    private static Map<String, String> with(Map<String, String> parameters, String name, String value) {
        Map<String, String> more = new LinkedHashMap<>(parameters);
        more.put(name, value);
        return more;
    }

    private static String form(OperationDescription operation, Map<String, String> parameters) {
        return "Action=" + operation.name() + "&Version=2016-11-15" + parameters.entrySet().stream()
                .map(each -> '&' + encoded(each.getKey()) + '=' + encoded(each.getValue()))
                .collect(Collectors.joining());
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private void expect(
            QueryUser user, OperationDescription operation, Map<String, String> sent, String code, String what)
            throws Exception {
        expectRaw(user, operation, form(operation, sent), code, what);
    }

    private void expectRaw(QueryUser user, OperationDescription operation, String form, String code, String what)
            throws Exception {
        requests++;
        user.post(form).assertFailed(code, 400, operation.name() + ' ' + what);
    }
}
