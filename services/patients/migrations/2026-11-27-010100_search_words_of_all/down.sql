TRUNCATE patient_words, patient_word_pairs, search_dictionary;
