"""Errors that are easily made in a derivation: each must turn the tests named beside it red.

A test that no error can fail proves nothing. `make mutants` draws small changes at random; these
are the misconceptions instead. An error is an expression or a statement of one function, found by
its syntax tree, so neither layout nor comments matter, and what stands there instead.
"""

import ast
import importlib
import inspect
import re
from unittest import mock

import numpy as np
import pytest

from tests.package.cells import test_rnn
from tests.package.drawing import test_cell_graph
from tests.support import registered_cells
from unrolled.cells import (
    delta_net,
    diagonal,
    gated_delta_net,
    gru,
    gru_reset_after,
    linear_attention,
    lru,
    lstm,
    min_gru,
    min_lstm,
    mlstm,
    peephole_lstm,
    reflections,
    selective,
    state_space,
)
from unrolled.data import groups
from unrolled.layers import attention, delta_rule, matrix_states, scan

# A test, as file:name, and the arguments that it is called with.
IS_GRADIENT = "test_backward_is_the_gradient_of_forward"
RNN = (f"package.cells.test_rnn:{IS_GRADIENT}", *test_rnn.NONLINEARITIES[0], 5, 3)
FIVE_WAYS = ("package.gradients.test_forward_mode:test_five_ways_agree", 5, 0)
PAIRS = ("package.cells.test_rnn:test_each_truncation_keeps_the_pairs_of_its_name", 2)
SEGMENTS = (
    "package.gradients.test_recomputation:test_any_segment_length_gives_the_same_gradient",
)
SENSITIVITY = (
    "package.gradients.test_forward_mode:test_the_sensitivity_is_the_derivative_of_the_state",
)
LSTM = (f"package.cells.test_cell_interface:{IS_GRADIENT}", lstm, 5, 3)
LSTM_UNITS = (
    "chapters.test_the_lstm:test_step_and_forward_are_the_equations_unit_by_unit",
)
LSTM_GRAPH = (
    "package.drawing.test_cell_graph:test_walking_the_list_is_a_step",
    *test_cell_graph.DRAWN["lstm"],
)
LSTM_INIT = ("chapters.test_the_lstm:test_init_opens_the_forget_gate_and_no_other",)
GRU = (f"package.cells.test_cell_interface:{IS_GRADIENT}", gru, 5, 3)
GRU_UNITS = ("chapters.test_the_gru:test_reset_before_unit_by_unit",)
RESET_AFTER = (
    f"package.cells.test_cell_interface:{IS_GRADIENT}",
    gru_reset_after,
    5,
    3,
)
PEEPHOLES = (f"package.cells.test_cell_interface:{IS_GRADIENT}", peephole_lstm, 5, 3)
PEEPHOLE_UNITS = ("chapters.test_variants:test_a_step_with_peepholes_unit_by_unit",)
COUPLED = (
    "chapters.test_variants:test_a_weight_that_stands_in_two_places_collects_from_both",
)
_DEEPER = "chapters.test_deeper_and_both_ways:test_"
LAYERS = (
    _DEEPER
    + "what_a_layer_returns_for_its_inputs_joins_what_the_loss_reads_of_the_layer_below",
)
DROPOUT = (_DEEPER + "dropout_hides_a_share_scales_the_others_and_leaves_time_alone",)
DROPOUT_BACK = (
    _DEEPER + "the_gradient_through_dropout_is_that_of_the_network_with_these_factors",
)
BOTH_ENDS = (_DEEPER + "in_a_batch_a_sequence_has_the_states_that_it_has_alone", gru)
BOTH_ENDS_BACK = (_DEEPER + "the_gradient_from_both_ends_with_lengths", gru)
REVERSE = (_DEEPER + "each_sequence_is_reversed_in_its_own_length",)
DIAGONAL = (f"package.cells.test_cell_interface:{IS_GRADIENT}", diagonal, 5, 3)
DIAGONAL_UNITS = (
    "chapters.test_what_a_state_can_follow:test_a_diagonal_recurrence_unit_by_unit",
    -1.0,
)
REFLECTIONS = (f"package.cells.test_cell_interface:{IS_GRADIENT}", reflections, 5, 3)
REFLECTION_STEPS = (
    "chapters.test_what_a_state_can_follow:test_a_step_is_a_product_of_matrices",
    2.0,
    2,
)
PRODUCT = (
    "package.data.test_groups:test_the_target_is_the_product_of_all_inputs_so_far",
    groups.table(groups.permutations(3)),
    9,
    3,
)
LRU = (f"package.cells.test_cell_interface:{IS_GRADIENT}", lru, 5, 3)
LRU_STEP = (
    "package.cells.test_lru:test_a_step_is_a_rotation_and_a_scaling_unit_by_unit",
)
LRU_FORMS = (
    "package.cells.test_lru:test_every_scan_gives_the_states_of_repeated_steps",
    scan.sequential,
)
STATE_SPACE = (f"package.cells.test_cell_interface:{IS_GRADIENT}", state_space, 5, 3)
HOLD_BACK = (
    "package.cells.test_state_space:test_the_backward_of_a_rule_is_its_slope",
    "zero_order_hold",
)
HOLD = (
    "package.cells.test_state_space:"
    "test_the_hold_solves_the_equation_for_an_input_that_is_constant_in_each_step",
)
TRAPEZIUM = (
    "package.cells.test_state_space:"
    "test_the_bilinear_rule_solves_the_equation_with_the_mean_of_both_ends_of_a_step",
)
CONVOLUTION = (
    "package.layers.test_scan:"
    "test_with_one_factor_for_all_steps_the_states_are_a_convolution",
    float,
    8,
)
SCAN = ("package.layers.test_scan:test_backward_is_the_gradient_of_the_scan",)
SCAN_FORMS = (
    "package.layers.test_scan:test_all_orders_give_the_states_of_the_definition",
)
SOFTMAX = ("package.test_functional:test_dsoftmax_is_the_slope",)
LOSS = ("package.test_functional:test_dcross_entropy_is_the_slope",)
CLIPPING = ("package.training.test_optimizers:test_one_factor_shortens_all_arrays",)
MASKED = (
    "package.layers.test_attention:test_the_context_is_the_weighted_mean_of_the_real_values",
    attention.additive,
)
NETWORK = (f"package.models.test_memory_network:{IS_GRADIENT}", 3)
SENTENCES = (
    "package.models.test_memory_network:test_forward_is_the_equations_sentence_by_sentence",
)
ALONE = (
    "package.models.test_memory_network:test_a_batch_is_its_stories_one_by_one_without_padding",
)
MACHINE = (f"package.models.test_turing_machine:{IS_GRADIENT}", lstm, 4, 3)
STEP = (
    "package.models.test_turing_machine:test_a_step_addresses_writes_reads_and_answers",
    lstm,
)
ADDRESS = (
    "package.models.test_turing_machine:test_an_address_is_its_five_equations_slot_by_slot",
)
SPLIT = (
    "package.models.test_turing_machine:test_a_split_sequence_with_its_state_carried_is_the_whole",
    lstm,
)
MIN_RNN = ("package.test_min_rnn:test_backward_is_the_gradient_of_the_loss",)
MIN_RNN_SAMPLE = (
    "package.test_min_rnn:test_a_sample_reads_each_character_that_it_has_drawn",
)
MIN_RNN_ADAM = ("package.test_min_rnn:test_adam_is_the_packages",)
HEADS = (f"package.layers.test_multi_head:{IS_GRADIENT}", True)
BY_HEAD = ("package.layers.test_multi_head:test_forward_is_the_equations_head_by_head",)
HIDDEN = (
    "package.layers.test_dropout:"
    "test_a_share_is_hidden_and_the_rest_is_scaled_to_the_same_mean",
    np.float64,
)
HIDDEN_BACK = (
    "package.layers.test_dropout:"
    "test_the_gradient_through_a_stack_with_dropout_is_right",
)
WEIGHTED = (
    "package.training.test_train:"
    "test_a_batch_is_weighted_by_its_words_compared_with_the_epochs_mean",
)
PER_WORD = (
    "package.training.test_train:"
    "test_the_weighted_gradients_of_an_epoch_add_up_to_that_of_the_loss_per_word",
)
TRANSFORMER = (f"package.models.test_transformer:{IS_GRADIENT}", 0.0)
TRANSFORMER_HIDDEN = (f"package.models.test_transformer:{IS_GRADIENT}", 0.3)
TRANSFORMER_STEPS = (
    "package.models.test_transformer:test_forward_is_the_equations_step_by_step",
)
UNSEEN = ("package.models.test_transformer:test_no_step_sees_what_comes_after_it",)
ORDER = (
    "package.models.test_transformer:test_one_block_sees_the_order_of_earlier_words",
)
_INTERFACE = f"package.cells.test_cell_interface:{IS_GRADIENT}"
_GATES = "chapters.test_gates_without_state:test_"
_MATRIX = "chapters.test_matrix_states:test_"
_FORMS = "package.layers.test_matrix_states:test_"
MIN_GRU = (_INTERFACE, min_gru, 5, 3)
MIN_GRU_UNITS = (_GATES + "a_minimal_gru_unit_by_unit",)
MIN_LOGS = (_GATES + "logarithms_give_the_same_states",)
MIN_LSTM = (_INTERFACE, min_lstm, 5, 3)
MIN_LSTM_UNITS = (_GATES + "a_minimal_lstm_unit_by_unit",)
SELECTIVE = (_INTERFACE, selective, 5, 3)
SELECTIVE_UNITS = (_GATES + "a_selective_layer_channel_by_channel",)
LINEAR_ATTENTION = (_INTERFACE, linear_attention, 5, 3)
LINEAR_ATTENTION_UNITS = (
    _MATRIX + "linear_attention_is_a_weighted_mean_of_all_values_so_far",
)
MLSTM = (_INTERFACE, mlstm, 5, 3)
MLSTM_EQUATIONS = (_MATRIX + "the_mlstm_is_its_equations_whatever_the_stabiliser", 0)
MIXING = (_FORMS + "the_mixing_matrix_entry_by_entry", 1)
FORGETTING = (
    _FORMS + "a_factor_of_0_forgets_everything_before_it",
    matrix_states.parallel,
    1,
)
CHUNKS = (
    _FORMS + "every_form_gives_the_outputs_of_the_definition",
    lambda *parts: matrix_states.chunked(*parts, chunk=4),
    1,
    23,
)
_DELTA = "package.layers.test_delta_rule:test_"
_LEARNT = "package.layers.test_online_learning:test_"
DELTA_FORMS = [
    (_DELTA + "every_form_gives_the_outputs_of_the_definition", form, 1, 23)
    for form in (
        lambda *parts: delta_rule.recurrent(*parts)[0],
        delta_rule.parallel,
        lambda *parts: delta_rule.chunked(*parts, chunk=4),
    )
]
DELTA_GRADIENT = (_DELTA + "backward_is_the_gradient_of_recurrent", 1, 6)
DELTA_NET = (_INTERFACE, delta_net, 5, 3)
GATED_DELTA_NET = (_INTERFACE, gated_delta_net, 5, 3)
DELTA_CELLS = [
    ("chapters.test_the_delta_rule:test_the_cells_are_their_equations", cell)
    for cell in (delta_net, gated_delta_net)
]
UNIT = ("package.test_functional:test_unit_vectors_and_their_gradient",)
LEARNT = (_LEARNT + "the_recurrent_form_is_its_equations", 23)
LEARNT_GRADIENT = (_LEARNT + "backward_is_the_gradient_of_recurrent", 6)
MINI_BATCHES = (
    _LEARNT + "every_gradient_of_a_mini_batch_is_taken_at_its_start",
    4,
    23,
)

# what went wrong, function, right, wrong, tests that must fail
PLANTED = [
    (
        "min_rnn: nothing comes back from later steps",
        "min_rnn.backward",
        "from_later = da[t] @ W_h.T",
        "from_later = 0",
        [MIN_RNN],
    ),
    (
        "min_rnn: the tanh's slope at the state before",
        "min_rnn.backward",
        "1 - h[t + 1] ** 2",
        "1 - h[t] ** 2",
        [MIN_RNN],
    ),
    (
        "min_rnn: the states after the steps instead of before them",
        "min_rnn.backward",
        "np.tensordot(h[:-1], da, add_steps)",
        "np.tensordot(h[1:], da, add_steps)",
        [MIN_RNN],
    ),
    (
        "min_rnn: a gradient of the sum for a loss that is a mean",
        "min_rnn.backward",
        "(p - y) / (T * B)",
        "(p - y) / B",
        [MIN_RNN],
    ),
    (
        "min_rnn: every character is drawn from the first state",
        "min_rnn.sample",
        "forward(weights, np.eye(V)[[ids[-1:]]], h[-1])",
        "forward(weights, np.eye(V)[[ids[-1:]]], np.zeros((1, H)))",
        [MIN_RNN_SAMPLE],
    ),
    (
        "min_rnn: Adam's means as if they had not begun at zero",
        "min_rnn.adam",
        "m / (1 - 0.9**update)",
        "m",
        [MIN_RNN_ADAM],
    ),
    (
        "the transpose left out",
        "cells.rnn.backward",
        "da[t] @ p.W_h.T",
        "da[t] @ p.W_h",
        [RNN, FIVE_WAYS],
    ),
    (
        "1 - h² of the step before",
        "cells.rnn.backward",
        "df(cache.h[t], dh[t] + dh_next)",
        "df(cache.h_previous[t], dh[t] + dh_next)",
        [RNN, FIVE_WAYS],
    ),
    (
        "1 - h² left out",
        "cells.rnn.backward",
        "df(cache.h[t], dh[t] + dh_next)",
        "dh[t] + dh_next",
        [RNN, FIVE_WAYS],
    ),
    (
        "only each output's own gradient, none from later steps",
        "cells.rnn.backward",
        "dh[t] + dh_next",
        "dh[t]",
        [RNN, FIVE_WAYS],
    ),
    (
        "carried back from before the nonlinearity",
        "cells.rnn.backward",
        "da[t] @ p.W_h.T",
        "(dh[t] + dh_next) @ p.W_h.T",
        [RNN, FIVE_WAYS],
    ),
    (
        "the state after the step instead of before it",
        "cells.rnn.parameter_gradients",
        "cache.h_previous",
        "cache.h",
        [RNN, FIVE_WAYS],
    ),
    (
        "the bias averaged over the batch",
        "cells.rnn.parameter_gradients",
        "da.sum(axis=(0, 1))",
        "da.sum(axis=0).mean(axis=0)",
        [RNN],
    ),
    (
        "a window one step too short",
        "cells.rnn.backward_window",
        "range(reach + 1)",
        "range(reach)",
        [PAIRS],
    ),
    (
        "the gradient crosses the border of a chunk",
        "cells.rnn.backward_chunks",
        "(t + 1) % length == 0",
        "False",
        [PAIRS],
    ),
    (
        "Jacobians multiplied in the wrong order",
        "gradients.chain_rule.jacobian_product",
        "product @ jacobians.of_step(p, h[step])",
        "jacobians.of_step(p, h[step]) @ product",
        [FIVE_WAYS],
    ),
    (
        "forward mode without the weight's use in this step",
        "gradients.forward_mode.step",
        "tree.map(np.add, carried.p, own_use)",
        "carried.p",
        [FIVE_WAYS, SENSITIVITY],
    ),
    (
        "recomputed from the first border instead of the segment's own",
        "gradients.recomputation.backward",
        "rnn.forward(p, x[segment], border)",
        "rnn.forward(p, x[segment], borders[0])",
        [SEGMENTS],
    ),
    (
        "the gradient of the softmax entry by entry",
        "functional.dsoftmax",
        "p * (dp - (dp * p).sum(axis=-1, keepdims=True))",
        "p * dp",
        [SOFTMAX],
    ),
    (
        "the gradient of the loss without its target",
        "functional.dcross_entropy",
        "rows[np.arange(len(rows)), targets.reshape(-1)] -= 1",
        "pass",
        [LOSS],
    ),
    (
        "each array clipped by its own norm",
        "training.optimizers.clip_by_global_norm",
        "limit / norm",
        "limit / np.linalg.norm(gradient)",
        [CLIPPING],
    ),
    (
        "padding takes part in the softmax",
        "layers.attention.remember",
        "Memory(keys_BSE, score.prepare(p, keys_BSE), values_BSF, mask)",
        "Memory(keys_BSE, score.prepare(p, keys_BSE), values_BSF, None)",
        [MASKED],
    ),
    (
        "lstm: input and forget gate exchanged",
        "cells.lstm.step",
        "i, f, g, o",
        "f, i, g, o",
        [LSTM_UNITS, LSTM_GRAPH],
    ),
    (
        "lstm: the hidden state shows the cell without tanh",
        "cells.lstm.step",
        "gate(o) * np.tanh(c)",
        "gate(o) * c",
        [LSTM_UNITS, LSTM_GRAPH],
    ),
    (
        "lstm: the input gate begins open instead of the forget gate",
        "cells.lstm.init",
        "b[H : 2 * H]",
        "b[:H]",
        [LSTM_INIT],
    ),
    (
        "lstm: no gradient along the cell",
        "cells.lstm.backward",
        "dc_next = dc_t * f[t]",
        "dc_next = 0 * dc_t",
        [LSTM],
    ),
    (
        "lstm: tanh′ of the cell instead of its tanh",
        "cells.lstm.backward",
        "dtanh(tanh_c[t], dh_t * o[t])",
        "dtanh(cache.c[t], dh_t * o[t])",
        [LSTM],
    ),
    (
        "lstm: the forget gate multiplied the new cell",
        "cells.lstm.backward",
        "dc_t * c_previous[t]",
        "dc_t * cache.c[t]",
        [LSTM],
    ),
    (
        "lstm: the forget gate of the step after",
        "cells.lstm.backward",
        "dc_t * f[t]",
        "dc_t * f[min(t + 1, T - 1)]",
        [LSTM],
    ),
    (
        "lstm: a sigmoid's slope for the candidate",
        "cells.lstm.backward",
        "dtanh(g[t], dc_t * i[t])",
        "dgate(g[t], dc_t * i[t])",
        [LSTM],
    ),
    (
        "gru: the update gate writes instead of keeping",
        "cells.gru.step",
        "z * h + (1 - z) * candidate",
        "(1 - z) * h + z * candidate",
        [GRU_UNITS],
    ),
    (
        "gru: the reset after the product instead of before it",
        "cells.gru.step",
        "(r * h) @ p.W_h[:, 2 * H :]",
        "r * (h @ p.W_h[:, 2 * H :])",
        [GRU_UNITS],
    ),
    (
        "gru: the update gate takes part once, not twice",
        "cells.gru.backward",
        "h_previous[t] - candidate[t]",
        "h_previous[t]",
        [GRU],
    ),
    (
        "gru: no gradient through the gates",
        "cells.gru.backward",
        "dh_next += da[t, :, : 2 * H] @ W_hzr.T",
        "pass",
        [GRU],
    ),
    (
        "gru: the candidate's matrix saw the whole state",
        "cells.gru.backward",
        "(r * h_previous).reshape(-1, H)",
        "h_previous.reshape(-1, H)",
        [GRU],
    ),
    (
        "gru, reset after: the product's gradient is not reset",
        "cells.gru_reset_after.backward",
        "da_candidate[t] * r[t]",
        "da_candidate[t]",
        [RESET_AFTER],
    ),
    (
        "peepholes: the output gate sees the old cell",
        "cells.peephole_lstm.step",
        "w_o * c_new",
        "w_o * c",
        [PEEPHOLE_UNITS],
    ),
    (
        "peepholes: nothing comes back through the output gate's",
        "cells.peephole_lstm.backward",
        "dc_t += da_o[t] * w_o",
        "pass",
        [PEEPHOLES],
    ),
    (
        "coupled gates: the sign of the second place forgotten",
        "cells.coupled_lstm.dexpand",
        "dweight[..., :H] -= dfull_weight[..., :H]",
        "dweight[..., :H] += dfull_weight[..., :H]",
        [COUPLED],
    ),
    (
        "layers: the loss's own gradient of a lower layer left out",
        "layers.stacked.backward",
        "own[k] + dx",
        "dx",
        [LAYERS],
    ),
    (
        "layers: the kept entries are not scaled",
        "layers.stacked.forward",
        "shown.astype(x.dtype) / x.dtype.type(1 - dropout)",
        "shown.astype(x.dtype)",
        [DROPOUT],
    ),
    (
        "layers: entries that dropout hid get a gradient",
        "layers.stacked.backward",
        "dx = dx * cache.kept[k]",
        "pass",
        [DROPOUT_BACK],
    ),
    (
        "dropout: the entries that are shown are not scaled",
        "layers.dropout.forward",
        "shown / x.dtype.type(1 - share)",
        "shown.astype(x.dtype)",
        [HIDDEN],
    ),
    (
        "dropout: entries that were hidden get a gradient",
        "layers.dropout.backward",
        "dy * cache.m",
        "dy",
        [HIDDEN_BACK],
    ),
    (
        "training: every batch counts the same, whatever it holds",
        "training.train.one_step",
        "gradient * weight",
        "gradient",
        [WEIGHTED, PER_WORD],
    ),
    (
        "both ends: the padded array reversed as it stands",
        "layers.bidirectional.forward",
        "padding.reverse(x, lengths)",
        "x[::-1]",
        [BOTH_ENDS, BOTH_ENDS_BACK],
    ),
    (
        "both ends: the output's gradient not turned round",
        "layers.bidirectional.backward",
        "padding.reverse(dh_reverse, cache.lengths)",
        "dh_reverse",
        [BOTH_ENDS_BACK],
    ),
    (
        "padding: reversed into the padding",
        "layers.padding.reverse",
        "t < lengths",
        "t < lengths + 1",
        [REVERSE],
    ),
    (
        "memory: the mask forgotten",
        "models.memory_network.forward",
        "attention.forward((), q[:, None], keys, values, mask, attention.dot)",
        "attention.forward((), q[:, None], keys, values, None, attention.dot)",
        [SENTENCES, ALONE],
    ),
    (
        "memory: ages counted from the first sentence",
        "models.memory_network.forward",
        "np.arange(S)[::-1]",
        "np.arange(S)",
        [SENTENCES, ALONE],
    ),
    (
        "memory: the gradient around the read left out",
        "models.memory_network.backward",
        "dq = dq + dquery[:, 0]",
        "dq = dquery[:, 0]",
        [NETWORK],
    ),
    (
        "turing machine: read before it was written",
        "models.turing_machine.step",
        "w_read @ memory",
        "w_read @ state.memory",
        [STEP, MACHINE],
    ),
    (
        "turing machine: the shift the wrong way round",
        "models.turing_machine.shift",
        "np.roll(w, o, axis=-1)",
        "np.roll(w, -o, axis=-1)",
        [ADDRESS, MACHINE],
    ),
    (
        "turing machine: a unit vector's gradient keeps its part along the vector",
        "models.turing_machine.dunit_vector",
        "dunit - along * unit",
        "dunit",
        [MACHINE],
    ),
    (
        "turing machine: erasing forgotten on the way back",
        "models.turing_machine.dstep",
        "dmemory = dmemory * (1 - w_write * erase[:, None])",
        "pass",
        [MACHINE],
    ),
    (
        "turing machine: the state not carried to the next step",
        "models.turing_machine.forward",
        "u_t, state, cache",
        "u_t, _, cache",
        [SPLIT],
    ),
    (
        "heads: the values' steps get no gradient",
        "layers.multi_head.backward",
        "dsource = dsource + dsource_v",
        "pass",
        [HEADS],
    ),
    (
        "heads: joined in the wrong order",
        "layers.multi_head.from_heads",
        "c_BNTE.swapaxes(1, 2)",
        "c_BNTE",
        [BY_HEAD, HEADS],
    ),
    (
        "transformer: a step sees what comes after it",
        "models.transformer.forward",
        "multi_head.causal(T)",
        "None",
        [TRANSFORMER_STEPS, UNSEEN],
    ),
    (
        "transformer: no positions",
        "models.transformer.forward",
        "p.E[ids.T] + multi_head.positions(T, D, p.E.dtype)",
        "p.E[ids.T]",
        [TRANSFORMER_STEPS, ORDER],
    ),
    (
        "transformer: normalised after the sum that goes around it",
        "models.transformer.forward_block",
        "x = x + y",
        "x = normalise(p.norm_feed, x + y)[0]",
        [TRANSFORMER_STEPS],
    ),
    (
        "transformer: no gradient around the feed-forward part",
        "models.transformer.backward_block",
        "dx = dx + dthrough",
        "dx = dthrough",
        [TRANSFORMER],
    ),
    (
        "transformer: the mean and variance of a row taken for constants",
        "models.transformer.dnormalise",
        "dx_hat - dx_hat.mean(axis=-1, keepdims=True)"
        " - x_hat * (dx_hat * x_hat).mean(axis=-1, keepdims=True)",
        "dx_hat",
        [TRANSFORMER],
    ),
    (
        "transformer: hidden entries of a part get a gradient",
        "models.transformer.backward_block",
        "dhide(cache.shown_feed, dx)",
        "dx",
        [TRANSFORMER_HIDDEN],
    ),
    (
        "scan: the later of two steps taken for the earlier",
        "layers.scan.combine",
        "f_2 * g_1 + g_2",
        "f_1 * g_2 + g_1",
        [(*SCAN_FORMS, scan.blelloch, float, 5)],
    ),
    (
        "scan: the factor of the step itself on the way back, not of the step after it",
        "layers.scan.backward",
        "f_after = np.concatenate([f[1:], np.zeros_like(f[:1])]).conj()",
        "f_after = f.conj()",
        [(*SCAN, scan.sequential, float, 5)],
    ),
    (
        "scan: no conjugate on the way back",
        "layers.scan.backward",
        "np.concatenate([f[1:], np.zeros_like(f[:1])]).conj()",
        "np.concatenate([f[1:], np.zeros_like(f[:1])])",
        [(*SCAN, scan.sequential, complex, 5)],
    ),
    (
        "lru: the angle itself instead of its logarithm",
        "cells.lru.eigenvalues",
        "1j * np.exp(p.theta)",
        "1j * p.theta",
        [LRU_STEP],
    ),
    (
        "lru: the state before the first step forgotten",
        "cells.lru.forward",
        "scan(factors, g, as_complex(h0))",
        "scan(factors, g)",
        [LRU_FORMS],
    ),
    (
        "lru: λ taken for its own logarithm in the gradient",
        "cells.lru.backward",
        "factor.conj() * dfactors.sum(axis=(0, 1))",
        "dfactors.sum(axis=(0, 1))",
        [LRU],
    ),
    (
        "lru: the gradient of γ without its logarithm",
        "cells.lru.backward",
        "gamma * dgamma",
        "dgamma",
        [LRU],
    ),
    (
        "diagonal: the factor begins at 0, whatever its least value is",
        "cells.diagonal.factor_and_term",
        "low + (1 - low) * sigmoid(a_f)",
        "sigmoid(a_f)",
        [DIAGONAL_UNITS],
    ),
    (
        "diagonal: the slope of a sigmoid from 0 to 1",
        "cells.diagonal.backward",
        "df * (f - low) * (1 - f) / (1 - low)",
        "df * f * (1 - f)",
        [DIAGONAL],
    ),
    (
        "reflections: half of a reflection",
        "cells.reflections.reflect",
        "h - beta * (h * u).sum(axis=-1, keepdims=True) * u",
        "h - beta / 2 * (h * u).sum(axis=-1, keepdims=True) * u",
        [REFLECTION_STEPS],
    ),
    (
        "reflections: the first one last",
        "cells.reflections.forward",
        "range(n)",
        "reversed(range(n))",
        [REFLECTION_STEPS],
    ),
    (
        "reflections: the length of a direction taken for constant",
        "cells.reflections.backward",
        "du - (du * u).sum(axis=-1, keepdims=True) * u",
        "du",
        [REFLECTIONS],
    ),
    (
        "reflections: the gradient after a reflection for that before it",
        "cells.reflections.backward",
        "dh_next = reflect(dh_next, u[t, j], beta[t, j])",
        "pass",
        [REFLECTIONS],
    ),
    (
        "groups: the new element first",
        "data.groups.word_problem",
        "table[targets[t - 1], inputs[t]]",
        "table[inputs[t], targets[t - 1]]",
        [PRODUCT],
    ),
    (
        "state_space: Δ instead of the integral over a step",
        "cells.state_space.zero_order_hold",
        "np.expm1(dt * a) / a",
        "dt",
        [HOLD],
    ),
    (
        "state_space: the new state alone, instead of the mean of both ends",
        "cells.state_space.bilinear",
        "1 / (1 - dt * a / 2)",
        "1 / (1 - dt * a)",
        [TRAPEZIUM],
    ),
    (
        "state_space: Δ taken for constant in the weight of the input",
        "cells.state_space.dzero_order_hold",
        "dfactor * (a * factor).conj() + dweight * factor.conj()",
        "dfactor * (a * factor).conj()",
        [HOLD_BACK],
    ),
    (
        "state_space: no conjugate of the weight on the way to the inputs",
        "cells.state_space.backward",
        "dg * weight.conj()",
        "dg * weight",
        [STATE_SPACE],
    ),
    (
        "convolution: the end of the sequence reaches its beginning",
        "layers.scan.convolution",
        "spectrum = np.fft.fft(powers, 2 * T, axis=0) * np.fft.fft(g, 2 * T, axis=0)",
        "spectrum = np.fft.fft(powers, T, axis=0) * np.fft.fft(g, T, axis=0)",
        [CONVOLUTION],
    ),
    (
        "min_gru: the kept share multiplies the candidate",
        "cells.min_gru.step",
        "z * h + (1 - z) * candidate",
        "(1 - z) * h + z * candidate",
        [MIN_GRU_UNITS],
    ),
    (
        "min_gru: the gate's effect on what is written forgotten",
        "cells.min_gru.backward",
        "df - dg * candidate",
        "df",
        [MIN_GRU],
    ),
    (
        "min_gru: the first state passes g in the log-space form alone",
        "cells.min_gru.forward_log",
        "log_scan.logarithm(h0)",
        "log_positive(h0)",
        [(*MIN_LOGS, min_gru, 7)],
    ),
    (
        "min_gru: the logarithm of the gate instead of that of its complement",
        "cells.min_gru.forward_log",
        "log_sigmoid(-a_z)",
        "log_sigmoid(a_z)",
        [(*MIN_LOGS, min_gru, 7)],
    ),
    (
        "min_lstm: the gates not divided by their sum",
        "cells.min_lstm.step",
        "sigmoid(log_sigmoid(a_f) - log_sigmoid(a_i))",
        "sigmoid(a_f)",
        [MIN_LSTM_UNITS],
    ),
    (
        "min_lstm: the slope of the sigmoid instead of that of its logarithm",
        "cells.min_lstm.backward",
        "dlog_ratio * (1 - f)",
        "dlog_ratio * f * (1 - f)",
        [MIN_LSTM],
    ),
    (
        "selective: what is written not multiplied by the step size",
        "cells.selective.step",
        "(delta * u)[..., None] * B[..., None, :]",
        "u[..., None] * B[..., None, :]",
        [SELECTIVE_UNITS],
    ),
    (
        "selective: the step size in the written content alone",
        "cells.selective.backward",
        "dwritten * u + (dexponent * A).sum(axis=-1)",
        "dwritten * u",
        [SELECTIVE],
    ),
    (
        "selective: A taken for its own logarithm",
        "cells.selective.backward",
        "(dexponent * delta[..., None]).sum(axis=(0, 1)) * A",
        "(dexponent * delta[..., None]).sum(axis=(0, 1))",
        [SELECTIVE],
    ),
    (
        "linear_attention: read before it is written",
        "cells.linear_attention.forward",
        "mean(read)",
        "mean(read - (q * k).sum(-1, keepdims=True) * v)",
        [LINEAR_ATTENTION_UNITS],
    ),
    (
        "linear_attention: the sum of the weights taken for a constant",
        "cells.linear_attention.backward",
        "-(dsum * h).sum(axis=-1, keepdims=True)",
        "0 * total",
        [LINEAR_ATTENTION],
    ),
    (
        "mlstm: the 1 of the maximum not rescaled with the memory",
        "cells.mlstm.quotient",
        "np.exp(np.minimum(-m, LARGEST_EXPONENT))",
        "np.ones_like(m)",
        [MLSTM_EQUATIONS],
    ),
    (
        "mlstm: the forget gate not rescaled",
        "cells.mlstm.forward",
        "np.exp(log_f + m[:-1] - m[1:])",
        "np.exp(log_f)",
        [MLSTM_EQUATIONS],
    ),
    (
        "mlstm: the normaliser has a gradient below its bound, too",
        "cells.mlstm.backward",
        "dbound * np.sign(total) * (abs(total) == bound)",
        "dbound * np.sign(total)",
        [MLSTM],
    ),
    (
        "mlstm: the first stabiliser taken for a constant",
        "cells.mlstm.backward",
        "(dS0 * S0).sum(axis=(-2, -1))[..., None]",
        "np.zeros_like(m[0])",
        [MLSTM],
    ),
    (
        "matrix states: the factor of a value's own step multiplies it",
        "layers.matrix_states.decays",
        "total[:, None] - total[None]",
        "total[:, None] - total[None] + np.log(np.where(f == 0, 1, f))[None]",
        [MIXING],
    ),
    (
        "matrix states: what came before a factor of 0 is not forgotten",
        "layers.matrix_states.decays",
        "earlier & (zeros[:, None] == zeros[None])",
        "earlier",
        [FORGETTING],
    ),
    (
        "matrix states: the state does not decay over a chunk",
        "layers.matrix_states.chunked",
        "f_c.prod(axis=0)[..., None] * S + written",
        "S + written",
        [CHUNKS],
    ),
    (
        "delta rule: the value is added, whatever the state holds",
        "layers.delta_rule.recurrent",
        "v[t] - look_up(k[t], state)",
        "v[t]",
        [DELTA_FORMS[0]],
    ),
    (
        "delta rule: the look-up before the decay",
        "layers.delta_rule.recurrent",
        "beta[t] * (v[t] - look_up(k[t], state))",
        "beta[t] * (v[t] - look_up(k[t], S[t - 1] if t else start(k, v, beta, f, S0)))",
        [DELTA_FORMS[0]],
    ),
    (
        "delta rule: a correction that depends on itself",
        "layers.delta_rule.corrections",
        "np.tril(matrix_states.mixing_matrix(k, k, f), -1)",
        "np.tril(matrix_states.mixing_matrix(k, k, f))",
        DELTA_FORMS[1:],
    ),
    (
        "delta rule: the first state does not decay",
        "layers.delta_rule.corrections",
        "k * np.cumprod(f, axis=0)",
        "k",
        DELTA_FORMS[1:],
    ),
    (
        "delta rule: values instead of corrections are written to the next chunk",
        "layers.delta_rule.chunked",
        "(k_c * to_end).transpose(1, 2, 0) @ u.swapaxes(0, 1)",
        "(k_c * to_end).transpose(1, 2, 0) @ v[part].swapaxes(0, 1)",
        [DELTA_FORMS[2]],
    ),
    (
        "delta rule: no gradient through the look-up to the state",
        "layers.delta_rule.backward",
        "dS - outer(k[t], dv[t])",
        "dS",
        [DELTA_GRADIENT, DELTA_NET],
    ),
    (
        "delta rule: no gradient through the look-up to the key",
        "layers.delta_rule.backward",
        "dk[t] -= look_up(dv[t], decayed.swapaxes(-1, -2))",
        "pass",
        [DELTA_GRADIENT, DELTA_NET],
    ),
    (
        "delta_net: keys of any length",
        "cells.delta_net.inputs",
        "unit(a[..., H:])",
        "a[..., H:]",
        [DELTA_CELLS[0], DELTA_NET],
    ),
    (
        "delta_net: the gradient as if a length were 1 already",
        "cells.delta_net.backward",
        "dunit(a[..., H:], dk)",
        "dk",
        [DELTA_NET],
    ),
    (
        "delta_net: the gradient of a unit vector with a part along it",
        "functional.dunit",
        "du - (du * u).sum(axis=-1, keepdims=True) * u",
        "du",
        [UNIT],
    ),
    (
        "gated_delta_net: the two gates exchanged",
        "cells.gated_delta_net.inputs",
        "return a, q, k, v, gates[..., :1], gates[..., 1:]",
        "return a, q, k, v, gates[..., 1:], gates[..., :1]",
        [DELTA_CELLS[1], GATED_DELTA_NET],
    ),
    (
        "gated_delta_net: no slope of the forget gate",
        "cells.gated_delta_net.backward",
        "dsigmoid(f, df)",
        "df",
        [GATED_DELTA_NET],
    ),
    (
        "online learning: the gradient after the decay",
        "layers.online_learning.recurrent",
        "dloss(before, k[t], v[t])",
        "dloss(f[t][..., None] * before, k[t], v[t])",
        [LEARNT],
    ),
    (
        "online learning: momentum without a gradient to earlier steps",
        "layers.online_learning.backward",
        "mu[t][..., None] * dP",
        "0 * dP",
        [LEARNT_GRADIENT],
    ),
    (
        "online learning: no gradient through the inner gradient to the state",
        "layers.online_learning.backward",
        "f[t][..., None] * dM + outer(k[t], derror)",
        "f[t][..., None] * dM",
        [LEARNT_GRADIENT],
    ),
    (
        "online learning: the state does not move between mini-batches",
        "layers.online_learning.mini_batches",
        "M + k[part].transpose(1, 2, 0) @ u.swapaxes(0, 1)",
        "M + 0",
        [MINI_BATCHES],
    ),
    (
        "log_scan: the larger number instead of the sum of both",
        "layers.log_scan.log_combine",
        "np.logaddexp(log_f_2 + log_g_1, log_g_2)",
        "np.maximum(log_f_2 + log_g_1, log_g_2)",
        [
            (
                "package.layers.test_log_scan:test_the_logarithms_are_those_of_the_states",
                7,
            )
        ],
    ),
]


class Replacing(ast.NodeTransformer):
    """Puts one piece of code in the place of another, and counts how often."""

    def __init__(self, right, wrong):
        self.right, self.wrong = as_written(right), wrong
        self.times = 0

    def visit(self, node):
        if as_written(node) != self.right:
            return self.generic_visit(node)
        self.times += 1
        return self.wrong


def as_written(node):
    """Returns a tree as text, without telling whether a name is read or assigned."""
    return re.sub(r"(, )?ctx=\w+\(\)", "", ast.dump(node))


def piece(code):
    """Returns the tree of an expression or a statement."""
    (statement,) = ast.parse(code).body
    return statement.value if isinstance(statement, ast.Expr) else statement


def with_error(function, right, wrong):
    """Returns a function with one of its expressions or statements replaced."""
    tree = ast.parse(inspect.getsource(function))
    replacing = Replacing(piece(right), piece(wrong))
    changed = ast.unparse(replacing.visit(tree))
    assert replacing.times == 1, (
        f"{right!r} stands {replacing.times} times in {function.__name__}"
    )
    found = {}
    exec(
        compile(changed, f"<{function.__name__} with an error>", "exec"),
        vars_of(function),
        found,
    )
    return found[function.__name__]


def vars_of(function):
    return vars(importlib.import_module(function.__module__))


def run(test):
    """Calls a test by its name."""
    name, *arguments = test
    file, name = name.split(":")
    getattr(importlib.import_module(f"tests.{file}"), name)(*arguments)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted[0])
def test_a_planted_error_turns_named_tests_red(planted):
    _, function, right, wrong, tests = planted
    module, _, name = function.rpartition(".")
    module = importlib.import_module(f"unrolled.{module}")
    broken = with_error(getattr(module, name), right, wrong)
    for test in tests:
        with mock.patch.object(module, name, broken), pytest.raises(AssertionError):
            run(test)


@pytest.mark.parametrize(
    "test",
    {repr(t): t for *_, tests in PLANTED for t in tests}.values(),
    ids=lambda t: t[0],
)
def test_without_an_error_the_same_tests_pass(test):
    run(test)


@pytest.mark.parametrize("name", registered_cells.cells())
def test_an_easy_error_is_planted_in_every_cell(name):
    assert any(function.startswith(f"cells.{name}.") for _, function, *_ in PLANTED), (
        f"plant an error in a function of cells.{name}, and name a test that must see it:"
        " PLANTED in tests/package/test_planted_errors.py"
    )
