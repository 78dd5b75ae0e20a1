package cairn.server.ec2;

import cairn.server.ec2.DescriptionText.Block;
import cairn.server.ec2.DescriptionText.Line;
import cairn.server.ec2.OperationDescription.Completeness;
import cairn.server.ec2.Parameters.NotTaken;
import cairn.server.ec2.ParameterType.Characters;
import cairn.server.ec2.Shape.Member;
import cairn.server.ec2.Shape.Plain;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** All operations as they are described in this package's {@code *.operations}. */
public final class Descriptions {
    /** The files, in the order of the documentation. */
    private static final List<String> AREAS = List.of(
            "common",
            "account",
            "images",
            "image-lifecycle",
            "snapshots",
            "snapshot-lifecycle",
            "volumes",
            "instances",
            "tags");

    private static final String FILE_ENDING = ".operations";
    static final int FILTERS_MAX = 50;
    private static final int TAG_SPECIFICATIONS_MAX = 20;
    private static final int TOKEN_CHARS_MAX = 1024;
    static final String DRY_RUN = "DryRun";
    static final String FILTER = "Filter";
    static final String MAX_RESULTS = "MaxResults";
    static final String NEXT_TOKEN = "NextToken";
    static final String NEXT_TOKEN_ANSWERED = "nextToken";
    static final String TAG_SPECIFICATION = "TagSpecification";
    private static final Pattern TYPE = Pattern.compile("([A-Za-z]+)(?:\\((.*)\\))?");
    private static final Pattern RANGE = Pattern.compile("(-?[0-9]+)\\.\\.([0-9]+)");
    private static final Pattern PARAMETER_NAME = Pattern.compile("[A-Z][A-Za-z0-9]*");

    private final Map<String, OperationDescription> operations = new LinkedHashMap<>();
    private final Map<String, Block> structures = new HashMap<>();
    private final Map<String, Block> answers = new HashMap<>();
    private final Map<String, Parameters> readStructures = new HashMap<>();
    private final Map<String, Shape> readAnswers = new HashMap<>();
    private final Set<String> beingRead = new HashSet<>();

    private Descriptions(Map<String, String> texts) {
        Map<Block, String> described = new LinkedHashMap<>();
        texts.forEach((area, text) -> {
            for (Block block : DescriptionText.read(area + FILE_ENDING, text).blocks()) {
                switch (block.kind()) {
                    case "structure" -> addOnce(structures, block);
                    case "answer" -> addOnce(answers, block);
                    case "operation" -> described.put(block, area);
                    default -> throw block.head().wrong("expected structure, answer or operation");
                }
            }
        });
        described.forEach((block, area) -> {
            if (operations.put(block.name(), operation(block, area)) != null) {
                throw block.head().wrong("described twice");
            }
        });
    }

    /** Reads them all. @throws IllegalStateException, with file and line, for what is no description */
    public static Descriptions read() {
        Map<String, String> texts = new LinkedHashMap<>();
        AREAS.forEach(area -> texts.put(area, resource(area + FILE_ENDING)));
        return new Descriptions(texts);
    }

    /** @param texts by area */
    static Descriptions of(Map<String, String> texts) {
        return new Descriptions(texts);
    }

    private static String resource(String name) {
        try (InputStream stream = Descriptions.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IllegalStateException("resource " + name + " is missing");
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Collection<OperationDescription> operations() {
        return Collections.unmodifiableCollection(operations.values());
    }

    Optional<OperationDescription> find(String operation) {
        return Optional.ofNullable(operations.get(operation));
    }

    private static void addOnce(Map<String, Block> blocks, Block block) {
        if (blocks.put(block.name(), block) != null) {
            throw block.head().wrong("described twice");
        }
    }

    private OperationDescription operation(Block block, String area) {
        Building building = new Building();
        building.take(new Parameter(DRY_RUN, OptionalInt.empty(), new ParameterType.Flag(), false));
        for (Line line : block.lines()) {
            String keyword = line.words().get(0);
            switch (keyword) {
                case "about" -> building.about = line.rest();
                case "complete", "differs", "refused" -> {
                    building.completeness = Completeness.valueOf(keyword.toUpperCase(Locale.ROOT));
                    building.remark = line.rest();
                }
                case "filters" -> filters(building, line);
                case "->" -> building.answer.add(member(line, line.rest()));
                default -> {
                    if (keyword.startsWith("pages(")) {
                        pages(building, line, keyword);
                    } else if (keyword.startsWith("tags(")) {
                        tagSpecification(building, line, keyword);
                    } else {
                        parameter(building, line);
                    }
                }
            }
        }
        if (building.about == null || building.completeness == null) {
            throw block.head().wrong("expected \"about\", and how complete it is");
        }
        return new OperationDescription(
                block.name(),
                area,
                building.about,
                building.completeness,
                building.remark,
                building.parameters(),
                building.filters,
                new Shape(block.name(), building.answer));
    }

    /** What the lines of a block have said so far. */
    private static final class Building {
        private String about;
        private Completeness completeness;
        private String remark = "";
        private final List<Parameter> taken = new ArrayList<>();
        private final Map<String, NotTaken> passed = new LinkedHashMap<>();
        private final List<List<String>> exclusive = new ArrayList<>();
        private final List<String> filters = new ArrayList<>();
        private final List<Member> answer = new ArrayList<>();

        void take(Parameter parameter) {
            taken.add(parameter);
        }

        Parameters parameters() {
            return new Parameters(taken, passed, exclusive);
        }
    }

    private void filters(Building building, Line line) {
        building.filters.addAll(line.words().subList(1, line.words().size()));
        building.take(new Parameter(FILTER, OptionalInt.of(FILTERS_MAX), structure(FILTER, line), false));
    }

    private static void pages(Building building, Line line, String word) {
        Matcher range = range(line, word.substring("pages(".length(), word.length() - 1));
        ParameterType size = new ParameterType.Whole(Long.parseLong(range.group(1)), Long.parseLong(range.group(2)));
        building.take(new Parameter(MAX_RESULTS, OptionalInt.empty(), size, false));
        building.take(new Parameter(NEXT_TOKEN, OptionalInt.empty(), new Characters(0, TOKEN_CHARS_MAX), false));
        building.answer.add(new Member(NEXT_TOKEN_ANSWERED, false, Optional.of(Plain.STRING), Optional.empty()));
    }

    private void tagSpecification(Building building, Line line, String word) {
        List<String> kinds = List.of(word.substring("tags(".length(), word.length() - 1).split("\\|"));
        kinds.forEach(ResourceKind::named);
        Parameter kind = new Parameter("ResourceType", OptionalInt.empty(), new ParameterType.Choice(kinds), true);
        Parameter tags = new Parameter("Tag", OptionalInt.of(Tags.OF_REQUEST_MAX), structure("Tag", line), true);
        building.take(new Parameter(
                TAG_SPECIFICATION,
                OptionalInt.of(TAG_SPECIFICATIONS_MAX),
                new ParameterType.Structure(
                        TAG_SPECIFICATION, new Parameters(List.of(kind, tags), Map.of(), List.of())),
                false));
    }

    /** A line that is about a parameter, in an operation or in a structure. */
    private void parameter(Building building, Line line) {
        List<String> words = line.words();
        switch (words.get(0)) {
            case "exclusive" -> building.exclusive.add(words.subList(1, words.size()));
            case "refuse", "ignore" -> notTaken(building, line);
            default -> building.take(taken(line));
        }
    }

    /** {@code refuse NAME... [unless VALUE...]: REASON}. */
    private static void notTaken(Building building, Line line) {
        int colon = line.rest().indexOf(": ");
        if (colon < 0) {
            throw line.wrong("expected a colon and the reason");
        }
        List<String> names = new ArrayList<>(List.of(line.rest().substring(0, colon).split("\\s+")));
        int unless = names.indexOf("unless");
        List<String> harmless = unless < 0 ? List.of() : List.copyOf(names.subList(unless + 1, names.size()));
        for (String name : unless < 0 ? names : names.subList(0, unless)) {
            boolean isRefused = line.words().get(0).equals("refuse");
            building.passed.put(
                    name, new NotTaken(name, isRefused, harmless, line.rest().substring(colon + 2).strip()));
        }
    }

    /** {@code NAME [list(MAX)] TYPE [required]}. */
    private Parameter taken(Line line) {
        List<String> words = new ArrayList<>(line.words());
        String name = words.remove(0);
        if (!PARAMETER_NAME.matcher(name).matches() || words.isEmpty()) {
            throw line.wrong("expected a parameter's name and its type");
        }
        boolean isRequired = words.remove("required");
        OptionalInt listMax = OptionalInt.empty();
        if (words.get(0).startsWith("list(")) {
            listMax = OptionalInt.of(Integer.parseInt(words.remove(0).replaceAll("list\\(|\\)", "")));
        }
        return new Parameter(name, listMax, type(line, String.join("", words)), isRequired);
    }

    private ParameterType type(Line line, String text) {
        Matcher matcher = TYPE.matcher(text);
        if (!matcher.matches()) {
            throw line.wrong("expected a type");
        }
        String inside = matcher.group(2);
        return switch (matcher.group(1)) {
            case "string" -> {
                Matcher range = range(line, inside);
                yield new Characters(Integer.parseInt(range.group(1)), Integer.parseInt(range.group(2)));
            }
            case "integer" -> {
                Matcher range = range(line, inside);
                yield new ParameterType.Whole(Long.parseLong(range.group(1)), Long.parseLong(range.group(2)));
            }
            case "boolean" -> new ParameterType.Flag();
            case "time" -> new ParameterType.Moment();
            case "blob" -> new ParameterType.Bytes(Integer.parseInt(inside));
            case "enum" -> new ParameterType.Choice(List.of(inside.split("\\|")));
            case "id" -> new ParameterType.Id(ResourceKind.named(inside));
            default -> structure(text, line);
        };
    }

    private static Matcher range(Line line, String text) {
        Matcher matcher = RANGE.matcher(String.valueOf(text));
        if (!matcher.matches()) {
            throw line.wrong("expected (MIN..MAX)");
        }
        return matcher;
    }

    private ParameterType.Structure structure(String name, Line user) {
        Parameters known = readStructures.get(name);
        if (known == null) {
            known = readStructure(name, user);
            readStructures.put(name, known);
        }
        return new ParameterType.Structure(name, known);
    }

    private Parameters readStructure(String name, Line user) {
        Block block = structures.get(name);
        if (block == null) {
            throw user.wrong("there is no type and no structure " + name);
        }
        if (!beingRead.add("structure " + name)) {
            throw user.wrong("structure " + name + " holds itself");
        }
        Building building = new Building();
        block.lines().forEach(line -> parameter(building, line));
        return building.parameters();
    }

    /** {@code NAME [list] TYPE}. */
    private Member member(Line line, String text) {
        List<String> words = new ArrayList<>(Arrays.asList(text.split("\\s+")));
        if (words.size() < 2 || words.size() > 3 || words.size() == 3 && !words.get(1).equals("list")) {
            throw line.wrong("expected a member's name, perhaps \"list\", and its type");
        }
        boolean isList = words.size() == 3;
        String type = words.get(words.size() - 1);
        Optional<Plain> plain = switch (type) {
            case "string" -> Optional.of(Plain.STRING);
            case "integer" -> Optional.of(Plain.INTEGER);
            case "boolean" -> Optional.of(Plain.BOOLEAN);
            case "time" -> Optional.of(Plain.TIME);
            default -> Optional.empty();
        };
        Optional<Shape> shape = plain.isPresent() ? Optional.empty() : Optional.of(shape(type, line));
        return new Member(words.get(0), isList, plain, shape);
    }

    private Shape shape(String name, Line user) {
        Shape known = readAnswers.get(name);
        if (known != null) {
            return known;
        }
        Block block = answers.get(name);
        if (block == null) {
            throw user.wrong("there is no type and no answer " + name);
        }
        if (!beingRead.add("answer " + name)) {
            throw user.wrong("answer " + name + " holds itself");
        }
        Shape shape = new Shape(name, block.lines().stream().map(line -> member(line, line.text())).toList());
        readAnswers.put(name, shape);
        return shape;
    }
}
