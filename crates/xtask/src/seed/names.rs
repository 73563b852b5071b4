//! Names that people of India bear, by community. The more frequent ones stand first in each list.

/// How a family name is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Given name and family name.
    Family,
    /// The father's name, often as an initial, before or after one's own.
    Patronym,
}

/// People who choose from the same names.
#[derive(Debug)]
pub struct Community {
    /// Of a hundred people.
    pub share: u64,
    /// How family names are given.
    pub style: Style,
    /// Given names of men.
    pub men: &'static [&'static str],
    /// Given names of women.
    pub women: &'static [&'static str],
    /// Names that stand between given and family name.
    pub middle: &'static [&'static str],
    /// Family names.
    pub families: &'static [&'static str],
    /// Town, state, the first PIN code of the town.
    pub towns: &'static [(&'static str, &'static str, u64)],
}

/// Beginnings and ends of names that are made up as parents do, so that there is a long tail of rare ones.
pub const ROOTS: [&str; 40] = [
    "Raj", "Deep", "Jay", "Vij", "Anu", "Pra", "Su", "Ram", "Dev", "Har", "Man", "Gur", "Kir", "Nav", "Sha", "Chan",
    "Indu", "Kam", "Mah", "Nar", "Om", "Pad", "Ru", "Sat", "Tej", "Uma", "Var", "Yog", "Bal", "Gan", "Hem", "Jag",
    "Kal", "Lok", "Mad", "Nand", "Par", "Shiv", "Tri", "Vish",
];
/// See [`ROOTS`].
pub const STEMS: [&str; 24] = [
    "a", "endra", "i", "na", "ka", "ra", "nand", "esh", "ita", "mala", "vati", "sena", "kant", "jeev", "deep", "preet",
    "mohan", "bhushan", "lochan", "shekh", "prak", "vard", "ranj", "jyot",
];
/// See [`ROOTS`].
pub const ENDS: [&str; 20] = [
    "", "a", "i", "an", "ar", "ash", "hana", "ini", "ika", "iya", "ya", "u", "appa", "amma", "bai", "ben", "lal", "nath",
    "raj", "das",
];

/// Everybody.
pub const COMMUNITIES: [Community; 8] = [
    Community {
        share: 30,
        style: Style::Family,
        men: &[
            "Rahul", "Amit", "Rajesh", "Sanjay", "Vijay", "Anil", "Sunil", "Manoj", "Ashok", "Deepak", "Rakesh", "Ram",
            "Suresh", "Dinesh", "Mukesh", "Ajay", "Pankaj", "Vikas", "Sandeep", "Naresh", "Mahesh", "Ravi", "Rohit",
            "Arun", "Alok", "Vivek", "Gaurav", "Nitin", "Hari", "Shyam", "Akshay", "Lokesh", "Yogesh", "Umesh", "Girish",
        ],
        women: &[
            "Sunita", "Priya", "Anita", "Pooja", "Neha", "Rekha", "Geeta", "Meena", "Kavita", "Suman", "Asha", "Usha",
            "Sita", "Radha", "Savita", "Kiran", "Shanti", "Manju", "Laxmi", "Nisha", "Jyoti", "Seema", "Aarti", "Rani",
            "Mamta", "Vandana", "Kusum", "Sarita", "Babita", "Poonam", "Shweta", "Akanksha",
        ],
        middle: &["Kumar", "Devi", "Kumari", "Prasad", "Lal", "Prakash", "Chand", "Nath"],
        families: &[
            "Sharma", "Kumar", "Singh", "Verma", "Gupta", "Yadav", "Devi", "Mishra", "Pandey", "Tiwari", "Agarwal",
            "Jain", "Chauhan", "Rathore", "Saxena", "Srivastava", "Dubey", "Shukla", "Tripathi", "Thakur", "Rawat",
            "Bhatt", "Negi", "Joshi", "Chaturvedi", "Bansal", "Mittal", "Goyal", "Kashyap", "Paswan", "Rajput", "Meena",
        ],
        towns: &[("Lucknow", "Uttar Pradesh", 226_001), ("Jaipur", "Rajasthan", 302_001), ("Patna", "Bihar", 800_001)],
    },
    Community {
        share: 16,
        style: Style::Patronym,
        men: &[
            "Senthil", "Murugan", "Karthik", "Ramesh", "Kumar", "Saravanan", "Rajan", "Subramanian", "Venkatesh", "Mani",
            "Selvam", "Prabhu", "Balaji", "Ganesan", "Anand", "Shankar", "Krishnan", "Natarajan", "Vignesh", "Arumugam",
            "Palani", "Sundaram", "Chandran", "Mohan", "Ravichandran", "Dinakaran", "Elango", "Ilango", "Thangavel",
        ],
        women: &[
            "Lakshmi", "Meenakshi", "Kavitha", "Revathi", "Priya", "Selvi", "Vijayalakshmi", "Saraswathi", "Parvathi",
            "Shanthi", "Uma", "Malathi", "Radhika", "Sangeetha", "Gayathri", "Sumathi", "Bhuvaneswari", "Deepa", "Janaki",
            "Kamala", "Nandini", "Thenmozhi", "Valli", "Divya", "Dhanalakshmi", "Anuradha", "Rajeswari", "Vasantha",
        ],
        middle: &["Devi", "Raj", "Bai"],
        families: &[
            "Raman", "Murugesan", "Krishnamurthy", "Venkataraman", "Subramaniam", "Ramasamy", "Govindan", "Perumal",
            "Iyer", "Iyengar", "Swaminathan", "Gopal", "Ramachandran", "Natarajan", "Sivakumar", "Muthu", "Chinnasamy",
            "Palaniappan", "Kandasamy", "Annamalai", "Chidambaram", "Sundaresan",
        ],
        towns: &[("Chennai", "Tamil Nadu", 600_001), ("Madurai", "Tamil Nadu", 625_001), ("Salem", "Tamil Nadu", 636_001)],
    },
    Community {
        share: 12,
        style: Style::Family,
        men: &[
            "Venkata", "Srinivas", "Ramesh", "Krishna", "Ravi", "Suresh", "Naga", "Satish", "Praveen", "Kiran", "Mahesh",
            "Prasad", "Rajasekhar", "Sai", "Chandra", "Anjaneyulu", "Ramana", "Siva", "Gopi", "Harish", "Naveen", "Vamsi",
        ],
        women: &[
            "Lakshmi", "Padma", "Sujatha", "Swathi", "Sravani", "Anusha", "Bhavani", "Durga", "Rama", "Sirisha", "Jhansi",
            "Madhavi", "Aruna", "Vijaya", "Rajeshwari", "Sridevi", "Sailaja", "Harika", "Kalyani", "Haritha", "Mounika",
        ],
        middle: &["Rao", "Kumari", "Babu", "Reddy", "Lakshmi"],
        families: &[
            "Reddy", "Rao", "Naidu", "Chowdary", "Babu", "Raju", "Varma", "Goud", "Yadav", "Prasad", "Murthy", "Sastry",
            "Gupta", "Setty", "Kommineni", "Vemula", "Bandaru", "Gadde", "Nallamothu", "Pasupuleti", "Tadepalli",
        ],
        towns: &[("Hyderabad", "Telangana", 500_001), ("Guntur", "Andhra Pradesh", 522_001)],
    },
    Community {
        share: 14,
        style: Style::Family,
        men: &[
            "Mohammed", "Abdul", "Imran", "Salman", "Syed", "Shaikh", "Asif", "Irfan", "Nadeem", "Rizwan", "Javed",
            "Aslam", "Faisal", "Farhan", "Yusuf", "Ibrahim", "Ismail", "Zakir", "Mustafa", "Anwar", "Wasim", "Khalid",
        ],
        women: &[
            "Fatima", "Ayesha", "Shabana", "Nasreen", "Rukhsana", "Zainab", "Salma", "Farzana", "Shaheen", "Noor",
            "Rubina", "Yasmin", "Parveen", "Sana", "Mumtaz", "Nazia", "Afreen", "Tabassum", "Khadija", "Mariam",
        ],
        middle: &["Ali", "Begum", "Ahmed", "Bano", "Hussain", "Rahman", "Banu"],
        families: &[
            "Khan", "Shaikh", "Ansari", "Ahmed", "Ali", "Begum", "Siddiqui", "Qureshi", "Pathan", "Syed", "Hussain",
            "Malik", "Mirza", "Sayyed", "Bano", "Rahman", "Farooqui", "Mansuri", "Momin", "Usmani",
        ],
        towns: &[("Hyderabad", "Telangana", 500_002), ("Bhopal", "Madhya Pradesh", 462_001), ("Kozhikode", "Kerala", 673_001)],
    },
    Community {
        share: 10,
        style: Style::Family,
        men: &[
            "Ganesh", "Sachin", "Santosh", "Nilesh", "Prashant", "Mahesh", "Sandip", "Vishal", "Tushar", "Swapnil",
            "Rahul", "Amol", "Kishor", "Bhaskar", "Vitthal", "Hitesh", "Jignesh", "Bhavesh", "Chirag", "Paresh", "Ketan",
        ],
        women: &[
            "Sunita", "Mangal", "Vaishali", "Sangita", "Manisha", "Ashwini", "Pallavi", "Snehal", "Jayshree", "Smita",
            "Kalpana", "Hansa", "Bhavna", "Nayana", "Hetal", "Komal", "Urmila", "Alka", "Archana", "Varsha",
        ],
        middle: &["Bhai", "Ben", "Rao", "Tai", "Anna"],
        families: &[
            "Patil", "Patel", "Shinde", "Jadhav", "Pawar", "Shah", "Kulkarni", "Deshmukh", "More", "Joshi", "Gaikwad",
            "Chavan", "Kadam", "Deshpande", "Mehta", "Desai", "Parmar", "Solanki", "Bhosale", "Salunkhe", "Wagh", "Thorat",
        ],
        towns: &[("Pune", "Maharashtra", 411_001), ("Mumbai", "Maharashtra", 400_001), ("Surat", "Gujarat", 395_001)],
    },
    Community {
        share: 8,
        style: Style::Family,
        men: &[
            "Subhash", "Sourav", "Amit", "Subrata", "Tapan", "Swapan", "Dipankar", "Partha", "Anirban", "Arindam",
            "Sudip", "Kaushik", "Biswajit", "Sukumar", "Prosenjit", "Debashis", "Gautam", "Ashish", "Bimal", "Nirmal",
        ],
        women: &[
            "Sharmila", "Moumita", "Ananya", "Ruma", "Soma", "Sutapa", "Mitali", "Kakali", "Debjani", "Piyali", "Rina",
            "Mala", "Shila", "Bandana", "Chandana", "Jharna", "Sampa", "Tanushree", "Madhumita", "Purnima",
        ],
        middle: &["Kumar", "Rani", "Chandra", "Nath", "Lal"],
        families: &[
            "Das", "Mondal", "Ghosh", "Roy", "Banerjee", "Chatterjee", "Mukherjee", "Sarkar", "Bose", "Dutta", "Sen",
            "Saha", "Paul", "Biswas", "Chakraborty", "Bhattacharya", "Ganguly", "Majumdar", "Halder", "Pal", "Nandi",
        ],
        towns: &[("Kolkata", "West Bengal", 700_001), ("Howrah", "West Bengal", 711_101)],
    },
    Community {
        share: 5,
        style: Style::Family,
        men: &[
            "Gurpreet", "Harpreet", "Manpreet", "Jaspreet", "Amandeep", "Gurdeep", "Sukhwinder", "Balwinder", "Kuldeep",
            "Jagjit", "Surjit", "Paramjit", "Baljit", "Navdeep", "Rupinder", "Satnam", "Gurmeet", "Lakhwinder", "Tejinder",
        ],
        women: &[
            "Harpreet", "Gurpreet", "Simran", "Manjit", "Jasbir", "Kulwinder", "Rajwinder", "Sukhpreet", "Navjot",
            "Amrit", "Jaswinder", "Parminder", "Ravneet", "Kirandeep", "Mandeep", "Gurleen", "Prabhjot", "Baljinder",
        ],
        middle: &["Singh", "Kaur"],
        families: &[
            "Singh", "Kaur", "Gill", "Sidhu", "Sandhu", "Dhillon", "Grewal", "Brar", "Bajwa", "Sohal", "Mann", "Virk",
        ],
        towns: &[("Ludhiana", "Punjab", 141_001), ("Amritsar", "Punjab", 143_001)],
    },
    Community {
        share: 5,
        style: Style::Family,
        men: &[
            "Joseph", "Thomas", "George", "Mathew", "John", "Jose", "Biju", "Shaji", "Saji", "Antony", "Varghese", "Rajeev",
            "Anoop", "Vineeth", "Sreejith", "Jacob", "Philip", "Sebastian", "Xavier", "Alex", "Francis",
        ],
        women: &[
            "Mary", "Annamma", "Sheela", "Bindu", "Mercy", "Elsy", "Sreeja", "Rajani", "Anju", "Asha", "Jessy", "Leena",
            "Rosamma", "Theresa", "Aleyamma", "Shiny", "Sindhu", "Sreelekha", "Resmi", "Athira",
        ],
        middle: &["Kutty", "Mol", "Mon"],
        families: &[
            "Nair", "Menon", "Pillai", "Thomas", "Joseph", "George", "Kurian", "Mathew", "Varghese", "Chacko", "D'Souza",
            "Fernandes", "Namboothiri", "Panicker", "Kurup", "Warrier", "Pereira", "D'Cruz", "Lobo",
        ],
        towns: &[("Kochi", "Kerala", 682_001), ("Thrissur", "Kerala", 680_001), ("Panaji", "Goa", 403_001)],
    },
];
