import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;

/**
 * Asks AWS's event-ruler. One question a line on standard input, {"pattern": TEXT, "event": TEXT}, one
 * answer a line on standard output: {"verdict": "match", "no" or "refused", "why": TEXT}.
 */
public class Oracle {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        ObjectMapper json = new ObjectMapper();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode question = json.readTree(line);
            ObjectNode answer = json.createObjectNode();
            Machine machine = Machine.builder().build();
            try {
                machine.addRule("rule", question.get("pattern").asText());
            } catch (Exception e) {
                out.println(answer.put("verdict", "refused").put("why", String.valueOf(e.getMessage())));
                continue;
            }
            boolean matches = !machine.rulesForJSONEvent(question.get("event").asText()).isEmpty();
            out.println(answer.put("verdict", matches ? "match" : "no"));
        }
    }
}
