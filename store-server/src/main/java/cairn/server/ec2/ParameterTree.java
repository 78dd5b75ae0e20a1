package cairn.server.ec2;

import cairn.Text;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** A request's parameters, taken apart at the dots of their names. */
final class ParameterTree {
    static final int NAME_CHARS_MAX = 256;
    static final int DEPTH_MAX = 12;

    private static final Pattern NUMBER = Pattern.compile("[1-9][0-9]{0,5}");

    private final String path;
    private final Map<String, ParameterTree> children = new TreeMap<>();
    private String value;

    private ParameterTree(String path) {
        this.path = path;
    }

    /** @throws Ec2Failure UnknownParameter for a name that no parameter has; InvalidQueryParameter */
    static ParameterTree of(SortedMap<String, String> parameters) {
        ParameterTree root = new ParameterTree("");
        parameters.forEach((name, value) -> root.put(name, value));
        return root;
    }

    private void put(String name, String newValue) {
        String[] steps = name.split("\\.", DEPTH_MAX + 1);
        if (name.length() > NAME_CHARS_MAX || steps.length > DEPTH_MAX) {
            throw unknown(name);
        }
        ParameterTree node = this;
        for (String step : steps) {
            String below = node.path.isEmpty() ? step : node.path + '.' + step;
            node = node.children.computeIfAbsent(step, ignored -> new ParameterTree(below));
        }
        node.value = newValue;
    }

    static Ec2Failure unknown(String name) {
        return new Ec2Failure("UnknownParameter", "The parameter " + Text.shown(name) + " is not recognized");
    }

    /** The name so far, as the request has it. */
    String path() {
        return path;
    }

    Map<String, ParameterTree> children() {
        return Collections.unmodifiableMap(children);
    }

    /** The one value here. @throws Ec2Failure InvalidQueryParameter if there are parameters below */
    String scalar() {
        if (!children.isEmpty()) {
            throw children.values().iterator().next().unexpected();
        }
        return value;
    }

    /** What is here has parameters below, and no value. @throws Ec2Failure InvalidQueryParameter if it has one */
    void requireNoValue() {
        if (value != null) {
            throw new Ec2Failure(
                    "InvalidQueryParameter", "The parameter " + Text.shown(path) + " has no value of its own");
        }
    }

    private Ec2Failure unexpected() {
        return new Ec2Failure("InvalidQueryParameter", "The parameter " + Text.shown(path) + " is not expected");
    }

    /**
     * What is below the numbers 1, 2, 3 …, in their order.
     *
     * @throws Ec2Failure InvalidQueryParameter for what is no number, a number that is left out, or too many of them
     */
    List<ParameterTree> items(int itemsMax) {
        requireNoValue();
        for (String step : children.keySet()) {
            if (!NUMBER.matcher(step).matches()) {
                throw children.get(step).unexpected();
            }
        }
        if (children.size() > itemsMax) {
            throw new Ec2Failure(
                    "InvalidParameterValue",
                    "The parameter " + Text.shown(path) + " comes " + children.size() + " times, at most " + itemsMax);
        }
        List<ParameterTree> items = new ArrayList<>();
        for (int i = 1; i <= children.size(); i++) {
            ParameterTree item = children.get(Integer.toString(i));
            if (item == null) {
                throw new Ec2Failure(
                        "InvalidQueryParameter",
                        "The parameter " + Text.shown(path + '.' + i) + " is left out, and others are behind it");
            }
            items.add(item);
        }
        return items;
    }
}
